// Another system of the city's that is told what happens here: takes messages, or refuses them.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

export class Receiver {
  static async opened() {
    const receiver = new Receiver();
    /** What it answers to a message. */
    receiver.status = 204;
    /** What came: the ids, and whether each was signed with the secret. */
    receiver.messages = [];
    receiver.http = createServer((ask, answer) => receiver.takes(ask, answer));
    receiver.http.listen(0, "127.0.0.1");
    await once(receiver.http, "listening");
    receiver.url = `http://127.0.0.1:${receiver.http.address().port}/fitgate`;
    return receiver;
  }

  async takes(ask, answer) {
    const pieces = [];
    for await (const piece of ask) pieces.push(piece);
    const body = Buffer.concat(pieces).toString();
    const id = ask.headers["webhook-id"];
    this.messages.push({ id, type: JSON.parse(body).type, isSigned: this.isSigned(ask, id, body) });
    answer.writeHead(this.status).end();
  }

  isSigned(ask, id, body) {
    const key = Buffer.from((this.secret ?? "").replace("whsec_", ""), "base64");
    const said = `${id}.${ask.headers["webhook-timestamp"]}.${body}`;
    const signature = `v1,${createHmac("sha256", key).update(said).digest("base64")}`;
    return ask.headers["webhook-signature"].split(" ").includes(signature);
  }

  close() {
    this.http.closeAllConnections();
    this.http.close();
  }
}
