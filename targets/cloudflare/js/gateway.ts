/** The gateway of a configuration: hands each request to the core, and performs its commands. Cron reads flags in the core alone, and checks places as an exchange without a request. */

import { env } from "cloudflare:workers";
import module from "./edgeway.wasm";
import * as wasm from "edgeway-wasm";
import { attempt, serviceNames, start } from "./core.ts";
import { Exchange, type Bindings } from "./exchange.ts";

/** Starts the gateway of `configuration`, the text of a `gateway.json`; throws where that is wrong. An isolate has one. */
export function gateway(configuration: string) {
  start(module, configuration, JSON.stringify(textBindings(env)));
  checkServices(env as Record<string, unknown>);
  return {
    fetch: (request: Request, bindings: Bindings, context: ExecutionContext): Response | Promise<Response> =>
      new Exchange(request, bindings, context).answer(),

    scheduled: async (event: ScheduledController, bindings: Bindings, context: ExecutionContext): Promise<void> => {
      await attempt(() => wasm.scheduled(event, bindings, context));
      await new Exchange(new Request("https://cron.invalid/"), bindings, context).check();
    },
  };
}

/** Secrets and variables: the text bindings. */
function textBindings(bindings: object): Record<string, string> {
  return Object.fromEntries(Object.entries(bindings).filter(([, value]) => typeof value === "string"));
}

/** Throws unless `bindings` have every service that the configuration names: such a Worker is not deployed. */
function checkServices(bindings: Record<string, unknown>): void {
  const absent = serviceNames().filter((name) => typeof (bindings[name] as Fetcher | undefined)?.fetch !== "function");
  if (absent.length !== 0) {
    throw new Error(`gateway.json is wrong: wrangler.toml has no service binding ${absent.map((name) => `\`${name}\``).join(", ")}`);
  }
}
