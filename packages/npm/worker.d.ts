/** Starts the gateway of `configuration`, the text of a `gateway.json`; throws where that is wrong. An isolate has one. */
export function gateway(configuration: string): {
  fetch(request: Request, bindings: any, context: any): Response | Promise<Response>;
  scheduled(event: any, bindings: any, context: any): Promise<void>;
};

/** The Durable Object of the counters: export it beside the gateway. */
export class CounterCell {
  constructor(state: any, bindings: any);
}
