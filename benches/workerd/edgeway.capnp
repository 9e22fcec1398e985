# Edgeway's Worker on workerd alone, without wrangler: `workerd serve benches/workerd/edgeway.capnp` from the root.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = .worker),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "gateway")],
);

const worker :Workerd.Worker = (
  modules = [
    (name = "dist/cloudflare/worker.js", esModule = embed "../../dist/cloudflare/worker.js"),
    (name = "dist/cloudflare/edgeway.wasm", wasm = embed "../../dist/cloudflare/edgeway.wasm"),
    (name = "gateway.json", text = embed "gateway.json"),
  ],
  compatibilityDate = "2026-11-01",
  durableObjectNamespaces = [(className = "CounterCell", uniqueKey = "edgeway-counters", enableSql = true)],
  durableObjectStorage = (inMemory = void),
  bindings = [(name = "COUNTERS", durableObjectNamespace = "CounterCell")],
);
