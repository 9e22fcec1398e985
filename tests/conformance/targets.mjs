/** The gateway in front of the suite's server, on each platform. */

import { existsSync } from "node:fs";
import { program, serveNative } from "../runtime/native.mjs";
import { serveSpin } from "../runtime/spin.mjs";
import { serveWorker } from "../runtime/workerd.mjs";

export const TARGETS = {
  native(config) {
    if (!existsSync(program)) throw new Error(`${program} is not built`);
    return serveNative({ server: { listen: "127.0.0.1:0", accessLog: "off" }, ...config });
  },
  workerd: (config) => serveWorker(config, undefined, { keyValue: true }),
  spin: (config) => serveSpin(config),
};

/** One route that takes everything to the suite's server at `port`. */
export function configuration(target, port, { cache }) {
  return {
    // Invalidation is tested with a method that few have heard of. workerd refuses it before the Worker sees it.
    ...(target === "workerd" ? {} : { network: { methods: ["M-SEARCH"] } }),
    upstreams: { suite: { url: `http://127.0.0.1:${port}` } },
    routes: [
      { name: "all", match: { prefix: "/" }, upstream: "suite", ...(cache === undefined ? {} : { policies: [{ cache }] }) },
    ],
  };
}
