/** The Worker: hands each request to the core, and performs what that asks for. */

import { env } from "cloudflare:workers";
import module from "./edgeway.wasm";
import config from "../../gateway.json";
import * as wasm from "edgeway-wasm";
import { start } from "./core.ts";
import { exchange, type Bindings } from "./exchange.ts";

export { CounterCell } from "./counter_cell.ts";

start(module);
const faults = wasm.load(config, JSON.stringify(textBindings(env)));
if (faults !== "") throw new Error(`gateway.json is wrong:\n${faults}`);

/** Secrets and variables: the bindings that are text. */
function textBindings(bindings: object): Record<string, string> {
  return Object.fromEntries(Object.entries(bindings).filter(([, value]) => typeof value === "string"));
}

export default {
  fetch: (request: Request, bindings: Bindings): Promise<Response> => exchange(request, bindings),
};
