// Builds the page into dist/ under fixed names, so that the binary can embed each file, and stamps
// one build id into all of them: the digest of what they say.

import { createHash } from "node:crypto";
import { defineConfig, type Plugin } from "vite";

/** Where a file wants the build id; as long as the id, so that nothing else moves. */
const MARK = "@@BUILD-ID@@@@@@";
/** The page's only build option: the build id as the server's entity tag. */
const BUILD_FILE = "build.txt";

function stamp(): Plugin {
  return {
    name: "stamp-build-id",
    enforce: "post",
    generateBundle(_options, bundle) {
      const digest = createHash("sha256");
      for (const name of Object.keys(bundle).sort()) {
        const file = bundle[name];
        digest.update(file.type === "chunk" ? file.code : file.source);
      }
      const build = digest.digest("hex").slice(0, MARK.length);
      for (const file of Object.values(bundle)) {
        if (file.type === "chunk") file.code = file.code.replaceAll(MARK, build);
      }
      this.emitFile({ type: "asset", fileName: BUILD_FILE, source: build });
    },
  };
}

export default defineConfig({
  base: "/screen/page/",
  build: {
    target: "chrome111",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      input: { app: "index.html", worker: "src/worker.ts" },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "app[extname]",
      },
    },
  },
  define: { BUILD_ID: JSON.stringify(MARK) },
  plugins: [stamp()],
});
