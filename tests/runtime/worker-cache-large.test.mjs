/**
 * Large stored responses on raw workerd: they go to the store as they come, whole or not at all.
 *
 *     node_modules/.bin/node --test tests/runtime/worker-cache-large.test.mjs
 */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { countingExchanges, serveWorker, waitingExchanges } from "./workerd.mjs";

const MIB = 1 << 20;
const CONTENT = randomBytes(20 * MIB);
const BREAK = 15 * MIB;
const CLIENTS = 4;
const FRESH = { "cache-control": "max-age=600" };
const STATED = { ...FRESH, "content-length": CONTENT.length };

let upstream;
/** The requests that the upstream got, by path. */
const got = new Map();
let values;
let worker;

/** Sends `content`, as fast as it is taken. */
async function send(response, content) {
  for (let at = 0; at < content.length; at += MIB) {
    if (!response.write(content.subarray(at, at + MIB))) await once(response, "drain");
  }
}

async function sendAll(response, ...contents) {
  for (const content of contents) await send(response, content);
  response.end();
}

async function breakOff(response) {
  await send(response, CONTENT.subarray(0, BREAK));
  setTimeout(() => response.socket.destroy(), 50);
}

/** What the upstream does, by the first segment of the path. */
const behaviours = {
  stated: (response) => sendAll(response.writeHead(200, STATED), CONTENT),
  chunked: (response) => sendAll(response.writeHead(200, FRESH), CONTENT),
  brokenStated: (response) => breakOff(response.writeHead(200, STATED)),
  brokenChunked: (response) => breakOff(response.writeHead(200, FRESH)),
  /** 40 MiB, which nothing tells beforehand. */
  long: (response) => sendAll(response.writeHead(200, FRESH), CONTENT, CONTENT),
  /** One byte more than its route stores, and less than what stands by itself. */
  few: (response) => sendAll(response.writeHead(200, FRESH), CONTENT.subarray(0, 4097)),
};

/**
 * A namespace of KV by workerd's protocol: values by key, and how many have begun, come whole and broken off. It is in this process, so that
 * the memory of workerd is the gateway's.
 */
async function serveValues() {
  const all = new Map();
  const values = { all, begun: 0, broken: 0, whole: 0, takes: true };
  const server = createServer(async (request, response) => {
    const key = request.url.split("?", 1)[0];
    response.on("error", () => {});
    if (request.method === "DELETE") return response.writeHead(all.delete(key) ? 200 : 404).end();
    if (request.method !== "PUT") return all.has(key) ? response.end(all.get(key)) : response.writeHead(404).end();
    // As Workers KV refuses a second write within a second.
    if (!values.takes) return response.writeHead(429, { connection: "close" }).end();
    const pieces = [];
    values.begun += 1;
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      values.broken += 1;
      return undefined;
    }
    values.whole += 1;
    all.set(key, Buffer.concat(pieces));
    return response.end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  values.address = `127.0.0.1:${server.address().port}`;
  values.end = () => {
    server.closeAllConnections();
    server.close();
  };
  return values;
}

before(async () => {
  upstream = createServer((request, response) => {
    got.set(request.url, (got.get(request.url) ?? 0) + 1);
    response.on("error", () => {});
    behaviours[request.url.split(/[/-]/)[1]](response).catch(() => {});
  });
  await once(upstream.listen(0, "127.0.0.1"), "listening");
  values = await serveValues();
  const config = {
    upstreams: { up: { url: `http://127.0.0.1:${upstream.address().port}` } },
    routes: [
      { name: "all", match: { prefix: "/" }, upstream: "up", policies: [{ cache: { maxBytes: "25MiB" } }] },
      { name: "few", match: { prefix: "/few-1" }, upstream: "up", policies: [{ cache: { maxBytes: "4KiB" } }] },
    ],
  };
  worker = await serveWorker(config, countingExchanges, { keyValue: values.address });
});

after(async () => {
  await worker?.end();
  values?.end();
  upstream.closeAllConnections();
  upstream.close();
});

/** The answer at `path`: the digest of what came of its content, and what the cache did. */
async function answer(path) {
  const response = await fetch(`http://127.0.0.1:${worker.port}${path}`);
  const hash = createHash("sha256");
  let length = 0;
  let isWhole = true;
  try {
    for await (const piece of response.body) {
      hash.update(piece);
      length += piece.length;
    }
  } catch {
    isWhole = false;
  }
  return { did: response.headers.get("cache-status"), digest: hash.digest("hex"), length, isWhole };
}

const DIGEST = createHash("sha256").update(CONTENT).digest("hex");
const isStored = ({ did }) => did.endsWith("stored");
const isHit = ({ did }) => /; hit;/.test(did);
const isContent = ({ digest, isWhole }) => isWhole && digest === DIGEST;

/** Waits until the store has nothing more to take. */
async function settled() {
  for (let quiet = 0, last = ""; quiet < 20; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const now = `${values.begun} ${values.broken} ${values.all.size}`;
    quiet = now === last && values.begun === values.broken + values.whole ? quiet + 1 : 0;
    last = now;
  }
}

// docs/platforms.md, Stored responses: up to 25 MiB.
for (const kind of ["stated", "chunked"]) {
  test(`a content of 20 MiB that came ${kind} is stored whole, and answered from the store`, async () => {
    const first = await answer(`/${kind}-1`);
    assert.ok(isStored(first) && isContent(first), first.did);
    await settled();
    const second = await answer(`/${kind}-1`);
    assert.ok(isHit(second) && isContent(second), second.did);
    assert.equal(got.get(`/${kind}-1`), 1);
    const part = await fetch(`http://127.0.0.1:${worker.port}/${kind}-1`, { headers: { range: "bytes=20000000-20000099" } });
    assert.equal(part.status, 206);
    assert.ok(Buffer.from(await part.arrayBuffer()).equals(CONTENT.subarray(20_000_000, 20_000_100)));
  });
}

/** The number of contents in the store. Of one that is too long a note stays there, beside them, that nobody waits for it. */
const contents = () => [...values.all.keys()].filter((key) => decodeURIComponent(key).includes("cache:c:")).length;

// docs/configuration.md, cache: an answer whose content breaks off, or is longer than `maxBytes`, is not stored.
for (const kind of ["brokenStated", "brokenChunked", "long", "few"]) {
  test(`nothing of a content is left in the store where it is ${kind}`, async () => {
    const [had, begun] = [contents(), values.begun];
    const { isWhole } = await answer(`/${kind}-1`);
    assert.equal(isWhole, !kind.startsWith("broken"), "the client is told");
    await settled();
    assert.ok(had > 0 && (values.begun > begun || kind === "few"), "it was on its way to the store");
    assert.equal(contents(), had);
    assert.ok(!isHit(await answer(`/${kind}-1`)));
    assert.equal(got.get(`/${kind}-1`), 2);
  });
}

test("a store that takes nothing costs no answer", async () => {
  values.takes = false;
  assert.ok(isContent(await answer("/stated-refused")));
  await settled();
  values.takes = true;
  assert.ok(isContent(await answer("/stated-refused")));
  assert.equal(got.get("/stated-refused"), 2);
});

test("contents on their way are not held in memory", async () => {
  const answers = Array.from({ length: CLIENTS }, (_, client) => answer(`/stated-many${client}`));
  const grown = await worker.peakWhile(Promise.all(answers).then(settled));
  assert.ok((await Promise.all(answers)).every(isContent));
  assert.ok((await Promise.all(answers.map((_, client) => answer(`/stated-many${client}`)))).every(isHit));
  // Collected, they would be there twice.
  assert.ok(grown < CLIENTS * CONTENT.length, `${grown / MIB} MiB more`);
});

test("no exchange is left in the core", async () => {
  assert.equal(await waitingExchanges(worker.port), 0);
});
