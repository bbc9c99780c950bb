// A webhook receiver that verifies what it gets by the public npm library. It
// listens on a free loopback port with the certificate and key of its arguments.
// Each line of its input is {"secrets": [...], "keys": [...]}, what it is to
// verify with from then on; each line of its output says what happened.
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

let known = { secrets: [], keys: [] };

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

// accepts says whether the library takes a body with these headers.
function accepts(secret, body, headers) {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

// The library knows no v1a: Node's own ed25519 judges it.
function acceptsAsymmetric(key, body, headers) {
  const raw = Buffer.from(key.replace("whpk_", ""), "base64");
  const prefix = Buffer.from("302a300506032b6570032100", "hex"); // SPKI of ed25519, RFC 8410
  const publicKey = createPublicKey({ key: Buffer.concat([prefix, raw]), format: "der", type: "spki" });
  const signed = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  return headers["webhook-signature"]
    .split(" ")
    .filter((s) => s.startsWith("v1a,"))
    .some((s) => verify(null, signed, publicKey, Buffer.from(s.slice(4), "base64")));
}

async function receive(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  const forged = body.replace("invoice.posted", "invoice.voided");
  const stale = { ...request.headers, "webhook-timestamp": String(request.headers["webhook-timestamp"] - 3600) };
  const { secrets, keys } = known;
  say({
    webhook: {
      body,
      accepted: secrets.map((s) => accepts(s, body, request.headers)),
      forged: secrets.some((s) => accepts(s, forged, request.headers) || accepts(s, body, stale)),
      asymmetric: keys.map((k) => acceptsAsymmetric(k, body, request.headers)),
      forgedAsymmetric: keys.some((k) => acceptsAsymmetric(k, forged, request.headers)),
    },
  });
  response.writeHead(204).end();
}

const [cert, key] = process.argv.slice(2).map((path) => readFileSync(path));
const server = createServer({ cert, key }, receive);
server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  known = JSON.parse(line);
  say({ knows: known.secrets.length });
});
lines.on("close", () => process.exit());
