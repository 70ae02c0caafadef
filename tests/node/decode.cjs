// Decodes frames with the AWS SDK for JavaScript's codec: one frame in hex a line on stdin, one
// JSON value a line on stdout: {"headers": {name: [type, text]}, "payload": hex} or {"error": text}.

"use strict";

const { EventStreamCodec } = require("@smithy/core/event-streams");
const readline = require("node:readline");

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString("utf8"),
  (text) => new Uint8Array(Buffer.from(text, "utf8")),
);

function spelled({ type, value }) {
  if (type === "binary") return Buffer.from(value).toString("hex");
  if (type === "timestamp") return String(value.getTime());
  if (type === "long") return String(Buffer.from(value.bytes).readBigInt64BE());
  return String(value);
}

function decoded(line) {
  try {
    const { headers, body } = codec.decode(new Uint8Array(Buffer.from(line, "hex")));
    const named = Object.entries(headers).map(([name, header]) => [name, [header.type, spelled(header)]]);
    return { headers: Object.fromEntries(named), payload: Buffer.from(body).toString("hex") };
  } catch (error) {
    return { error: String(error) };
  }
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(JSON.stringify(decoded(line)) + "\n");
});
