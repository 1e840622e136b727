// Stands before the real server, at one origin with it: passes on what it is asked, or answers for
// the API itself, with a document of the test's, silence, or a stream of the test's making.

import { once } from "node:events";
import { createServer, request } from "node:http";

export class Stage {
  static async before(server) {
    const stage = new Stage();
    stage.server = server;
    /** What the API answers instead of the real one; null passes on. */
    stage.document = null;
    /** The bureau's map that goes with `document`, if any. */
    stage.sheet = null;
    /** `pass`, `refuse` (503), or `mute`: opened, and never a word. */
    stage.streams = "pass";
    /** Another build than the server's own, where one is told. */
    stage.build = null;
    stage.open = new Set();
    stage.http = createServer((ask, answer) => stage.serve(ask, answer)).listen(0, "127.0.0.1");
    await once(stage.http, "listening");
    stage.url = `http://127.0.0.1:${stage.http.address().port}`;
    return stage;
  }

  serve(ask, answer) {
    const isStream = ask.url.endsWith("/stream");
    const isDocument = ask.url.startsWith("/api/v1/screens/");
    if (isStream && this.streams !== "pass") return this.withhold(answer);
    if (isDocument && this.document && ask.url.endsWith("/map")) return this.tellMap(answer);
    if (isDocument && this.document) return this.tell(isStream, answer);
    this.passOn(ask, answer);
  }

  withhold(answer) {
    if (this.streams === "mute")
      return answer.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders();
    answer.writeHead(503).end();
  }

  tellMap(answer) {
    if (!this.sheet) return answer.writeHead(404).end();
    answer.writeHead(200, { "Content-Type": "application/json" });
    answer.end(JSON.stringify(this.sheet));
  }

  tell(isStream, answer) {
    if (!isStream) {
      const build = this.build ? { "Fitgate-Build": this.build } : {};
      const headers = { "Content-Type": "application/json", "Fitgate-Age-Ms": "300", ...build };
      answer.writeHead(200, { ...headers, ETag: '"stage"' });
      return answer.end(JSON.stringify(this.document));
    }
    answer.writeHead(200, { "Content-Type": "text/event-stream" });
    this.open.add(answer);
    answer.on("close", () => this.open.delete(answer));
    answer.write(frame(this.document));
  }

  /** Sends `count` documents down every open stream, as fast as they are taken. */
  async flood(count, change) {
    while (this.open.size === 0) await once(this.http, "request");
    const [stream] = this.open;
    for (let n = 0; n < count; n += 1) {
      this.document = change(n);
      if (!stream.write(frame(this.document))) await once(stream, "drain");
    }
  }

  passOn(ask, answer) {
    const { port } = this.server;
    const options = {
      host: "127.0.0.1",
      port,
      path: ask.url,
      method: ask.method,
      headers: ask.headers,
    };
    const passed = request(options, (from) => {
      answer.writeHead(from.statusCode, from.headers);
      from.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    answer.on("close", () => passed.destroy());
    ask.pipe(passed);
  }

  close() {
    this.http.closeAllConnections();
    this.http.close();
  }
}

const frame = (document) => `event: document\ndata: ${JSON.stringify(document)}\n\n`;
