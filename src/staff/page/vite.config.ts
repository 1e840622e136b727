// Builds the console into dist/ under fixed names, so that the binary can embed each file. While
// developing, `npm run dev` passes what it does not know to the server at FITGATE_URL.

import { defineConfig } from "vite";

const server = process.env["FITGATE_URL"] ?? "http://127.0.0.1:8080";
const passedOn = { target: server, changeOrigin: true };

export default defineConfig({
  base: "/staff/page/",
  server: { proxy: { "/api": passedOn, "/screen": passedOn } },
  build: {
    target: "chrome111",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      input: { app: "index.html" },
      // Libraries mark what may run in a browser only; all of this does.
      onLog: (level, log, handle) => log.code === "MODULE_LEVEL_DIRECTIVE" || handle(level, log),
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "app[extname]",
      },
    },
  },
});
