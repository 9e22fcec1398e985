/** The part of `wasm-bindgen`'s output for `targets/cloudflare/src/{exports,counter_cell,cron}.rs` that the glue uses.
 * */
declare module "edgeway-wasm" {
  export function initSync(options: { module: WebAssembly.Module }): { memory: WebAssembly.Memory };
  /** Starts over with a fresh instance: after a trap the old one can't be trusted. */
  export function __wbg_reset_state(): void;

  export function wire_version(): number;
  export function reserve(len: number): number;
  export function load(config: Uint8Array, bindings: string): string;
  export function services(): string;
  export function check(config: Uint8Array, bindings?: string): string;
  export function begin(len: number, hasBody: boolean, now: number): number;
  export function check_places(now: number): number;
  export function resume_head(id: number, slot: number, status: number, len: number, hasBody: boolean, now: number): number;
  export function resume_bytes(id: number, slot: number, len: number, now: number): number;
  export function resume_nothing(id: number, slot: number, now: number): number;
  export function resume_ended(id: number, slot: number, bytes: number, failure: number | undefined, now: number): number;
  export function resume_failed(id: number, slot: number, failure: number, now: number): number;
  export function relayed(id: number, status: number, hasBody: boolean, length: number, now: number): number;
  export function left(id: number, now: number): number;
  export function asks(): number;
  export function is_logged(): boolean;
  export function observe(id: number, len: number): void;
  export function filter(number: number, len: number, isEnd: boolean): number;
  export function filtered(): number;
  export function forget_filter(number: number): void;
  export function cancel(id: number, now: number): void;
  export function waiting(): number;

  export function scheduled(event: ScheduledController, bindings: unknown, context: ExecutionContext): Promise<void>;

  /** A cell of the instance that made it, useless to another. */
  export class CounterCell {
    constructor(context: DurableObjectState, bindings: unknown);
    count(op: Uint8Array): Uint8Array;
    fetch(request: Request): Promise<Response>;
    alarm(): Promise<Response>;
  }
}

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*/gateway.json" {
  const text: string;
  export default text;
}
