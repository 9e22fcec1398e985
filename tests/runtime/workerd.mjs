/** The Worker on workerd alone, and sockets to talk to it byte by byte. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect as connectSocket } from "node:net";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../../dist/cloudflare/", import.meta.url));
const workerd = createRequire(import.meta.url)("workerd").default;

/** The Worker itself, without what is bound to it. */
const PROGRAM = `modules = [
    (name = "dist/cloudflare/worker.js", esModule = embed "worker.js"),
    (name = "dist/cloudflare/edgeway.wasm", wasm = embed "edgeway.wasm"),
    (name = "gateway.json", text = embed "gateway.json"),
  ],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["enable_request_signal"],`;

/** What workerd is told; `config.capnp` stands in a folder with the modules beside it. */
const CONFIG = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = ["--expose-gc"],
  services = [
    (name = "gateway", worker = .worker),
    (name = "internet", network = (allow = ["public", "private", "local"])),
    (name = "storage", disk = (path = "FOLDER", writable = true)),
    SERVICES
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "gateway"), SOCKETS],
);
const worker :Workerd.Worker = (
  ${PROGRAM}
  durableObjectNamespaces = [(className = "CounterCell", uniqueKey = "counters", enableSql = true)],
  durableObjectStorage = (localDisk = "storage"),
  bindings = [(name = "COUNTERS", durableObjectNamespace = COUNTERS), BINDINGS],
);
`;

/** What workerd calls for a namespace of KV, by its own protocol: values in memory, by the bounds of Workers KV. */
const VALUES = `
const values = new Map();
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const key = decodeURIComponent(pathname.slice(1));
    if (request.method === "DELETE") return new Response(null, { status: values.delete(key) ? 200 : 404 });
    if (request.method === "PUT") {
      const value = await request.arrayBuffer();
      if (value.byteLength > 25 * 1024 * 1024) return new Response(null, { status: 413 });
      if (Number(searchParams.get("expiration_ttl") ?? 60) < 60) return new Response(null, { status: 400 });
      values.set(key, value);
      return new Response();
    }
    return values.has(key) ? new Response(values.get(key)) : new Response(null, { status: 404 });
  },
};`;

/** Workers besides the gateway's, by the name of their service binding: each has one module, with this text. */
function besides(services) {
  const named = Object.entries(services);
  return {
    bindings: named.map(([name]) => `(name = "${name}", service = "${name}")`).join(", "),
    services: named.map(([name]) => `(name = "${name}", worker = .${name.toLowerCase()}),`).join(" "),
    workers: named
      .map(([name, text]) => `const ${name.toLowerCase()} :Workerd.Worker = (
        modules = [(name = "${name}.js", esModule = ${JSON.stringify(text)})], compatibilityDate = "2026-11-01");`)
      .join("\n"),
  };
}

/** Isolates besides the first, each with a socket of its own, with these `secrets`, and with the counter cells of the first. */
function beside(isolates, secrets) {
  const cells = `(name = "COUNTERS", durableObjectNamespace = (className = "CounterCell", serviceName = "gateway"))`;
  const names = Array.from({ length: isolates - 1 }, (_, number) => `isolate${number}`);
  return {
    sockets: names.map((name) => `(name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}")`).join(", "),
    services: names.map((name) => `(name = "${name}", worker = .${name}),`).join(" "),
    workers: names
      .map((name) => `const ${name} :Workerd.Worker = (
        ${PROGRAM} bindings = [${[cells, ...bound(secrets)].join(", ")}]);`)
      .join("\n"),
  };
}

/** Bindings of these texts. */
const bound = (secrets) => Object.entries(secrets).map(([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`);

/** The Worker's own counter cells. */
const OWN = { binding: `"CounterCell"`, services: "", workers: "" };

/**
 * Counter cells that never answer: workerd would notice a call that waits for nothing, so they wait for an hour.
 */
export const DEAF = {
  binding: `(className = "CounterCell", serviceName = "deaf")`,
  services: `(name = "deaf", worker = .deaf),`,
  workers: `
const deaf :Workerd.Worker = (
  modules = [(name = "deaf.js", esModule = "import { DurableObject } from 'cloudflare:workers';
    export class CounterCell extends DurableObject { count() { return new Promise((r) => setTimeout(r, 3600000)); } }
    export default {};")],
  compatibilityDate = "2026-11-01",
  durableObjectNamespaces = [(className = "CounterCell", uniqueKey = "deaf", enableSql = true)],
  durableObjectStorage = (inMemory = void),
);
`,
};

/**
 * Serves `config` until `end` is called, by a `worker.js` that `change` may change; rejects with what workerd says if it does not
 * start. What is stored is in `folder`: `kill` leaves it to another that is started with the same. With `keyValue` there is a KV, in memory, or
 * the one that answers at that address. `ports` are those of the `isolates`.
 */
export async function serveWorker(config, change = (script) => script, { folder, counters = OWN, services = {}, secrets = {}, keyValue = false, isolates = 1 } = {}) {
  folder ??= mkdtempSync(join(tmpdir(), "edgeway-workerd-"));
  const others = besides(keyValue === true ? { ...services, VALUES } : services);
  if (typeof keyValue === "string") others.services += ` (name = "VALUES", external = (address = "${keyValue}", http = ())),`;
  const more = beside(isolates, secrets);
  const values = keyValue ? [`(name = "KEY_VALUE", kvNamespace = "VALUES")`] : [];
  const its = CONFIG.replace("FOLDER", folder)
    .replace("SERVICES", `${counters.services} ${others.services} ${more.services}`)
    .replace("SOCKETS", more.sockets)
    .replace("COUNTERS)", `${counters.binding})`)
    .replace("BINDINGS", [others.bindings, ...values, ...bound(secrets)].filter(Boolean).join(", "));
  writeFileSync(join(folder, "config.capnp"), `${its}${counters.workers.replaceAll("\n    ", " ")}\n${others.workers}\n${more.workers}`);
  writeFileSync(join(folder, "gateway.json"), JSON.stringify(config));
  writeFileSync(join(folder, "worker.js"), change(readFileSync(join(dist, "worker.js"), "utf8")));
  writeFileSync(join(folder, "edgeway.wasm"), readFileSync(join(dist, "edgeway.wasm")));

  const program = spawn(workerd, ["serve", "--control-fd=3", join(folder, "config.capnp")], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const gone = new Promise((resolve) => program.once("exit", resolve));
  const kill = async () => {
    program.kill("SIGKILL");
    await gone;
    return folder;
  };
  const end = async () => {
    program.kill();
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  const lines = [];
  createInterface({ input: program.stdout }).on("line", (line) => lines.push(line));
  let said = "";
  program.stderr.on("data", (data) => (said += data));
  const ports = [];
  const listening = new Promise((resolve) => {
    createInterface({ input: program.stdio[3] }).on("line", (line) => {
      const event = JSON.parse(line);
      if (event.event === "listen" && ports.push(event.port) === isolates) resolve();
    });
  });
  await Promise.race([listening, gone]);
  const ready = "GET /%00 HTTP/1.1\r\nHost: ready\r\nConnection: close\r\n\r\n";
  const answers = await Promise.all(ports.map((port) => collect(connect(port, ready))));
  // A Worker that throws while it starts leaves workerd serving errors.
  if (/Uncaught/.test(said) || answers.filter((answer) => answer.length > 0).length < isolates) {
    await end();
    throw new Error(said);
  }
  return { port: ports[0], ports, pid: program.pid, end, kill, lines, peakWhile: (work) => peakWhile(program.pid, work) };
}

/** `script`, which besides answers at `/exchanges-that-wait` how many wait in the core once all garbage is collected. */
export function countingExchanges(script) {
  const [, wasm] = /\b(?:let|var) (?:\w+,)*?(wasm\d*)[;,]/.exec(script);
  return `${script}
    const serve = worker_default.fetch;
    worker_default.fetch = async (request, ...context) => {
      if (!request.url.endsWith("/exchanges-that-wait")) return serve(request, ...context);
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
      return new Response(String(${wasm}.waiting()));
    };`;
}

/** How many exchanges wait in the core at `port`, once they are none or stay. */
export async function waitingExchanges(port) {
  let waiting;
  for (let tries = 0; tries < 50 && waiting !== 0; tries += 1) {
    const request = "GET /exchanges-that-wait HTTP/1.1\r\nHost: gw.test\r\nConnection: close\r\n\r\n";
    waiting = Number(/\r\n\r\n(\d+)$/.exec((await collect(connect(port, request))).toString())[1]);
  }
  return waiting;
}

/** By how many bytes the memory of process `pid` grows while `work` is under way. */
async function peakWhile(pid, work) {
  const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
  const before = resident();
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, resident())), 20);
  await work;
  clearInterval(watch);
  return peak - before;
}

/** A connection on which `request` has been sent. */
export function connect(port, request) {
  const socket = connectSocket(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(request);
  return socket;
}

/** What `socket` receives until its end, or until that ends with `mark`. */
export function collect(socket, mark) {
  return new Promise((resolve) => {
    const pieces = [];
    const done = () => {
      socket.off("data", take);
      resolve(Buffer.concat(pieces));
    };
    const take = (data) => {
      pieces.push(data);
      if (mark !== undefined && Buffer.concat(pieces).includes(mark)) done();
    };
    socket.on("data", take);
    socket.once("end", done);
    socket.once("close", done);
  });
}
