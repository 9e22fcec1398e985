/** The component in `tests/spin-host`, for tests in JavaScript. `EDGEWAY_COMPONENT` names another component. */

import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { createInterface } from "node:readline";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");

export const component = resolve(process.env.EDGEWAY_COMPONENT ?? join(target, "wasm32-wasip2/release/edgeway_spin.wasm"));

const built = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** The program that was built last. */
export function driver() {
  const [newest] = ["debug", "release"].map((profile) => join(target, profile, "spin-driver")).sort((a, b) => built(b) - built(a));
  if (built(newest) === 0) throw new Error("the host for tests is not built: run `cargo build -p edgeway-spin-host`");
  if (built(component) === 0) throw new Error(`${component} is not built`);
  return newest;
}

/** Serves `config` until `end` is called; rejects with what the host says if it does not start. */
export async function serveSpin(config, bindings = {}) {
  const child = spawn(driver(), [component], { stdio: ["pipe", "pipe", "ignore"] });
  const gone = new Promise((ended) => child.once("exit", ended));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.write(`${JSON.stringify({ id: 1, start: { config: JSON.stringify(config), bindings } })}\n`);
  const line = await lines.next();
  const end = async () => {
    child.stdin.end();
    // A host that still has something to do would not end by itself.
    const late = setTimeout(() => child.kill("SIGKILL"), 3_000);
    await gone;
    clearTimeout(late);
  };
  const { port, error } = line.done ? { error: "the host has ended" } : JSON.parse(line.value);
  if (port === undefined) {
    await end();
    throw new Error(error);
  }
  return { port, end };
}
