/** Checks a configuration with the very wasm that will run it: `node check.mjs gateway.json`. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as wasm from "edgeway-wasm";

/**
 * What is wrong with the configuration `text`, rendered; or nothing. Without `bindings`, every secret is taken to be
 * there.
 */
export function check(text: string, bindings?: Record<string, string>): string {
  return wasm.check(text, bindings && JSON.stringify(bindings));
}

const binary = readFileSync(fileURLToPath(import.meta.resolve("./edgeway.wasm")));
// @ts-expect-error: the types are those of Workers, where wasm can't be compiled at run time; in Node it can.
wasm.initSync({ module: new WebAssembly.Module(binary) });

if (import.meta.main) {
  const path = process.argv[2] ?? "gateway.json";
  const faults = check(readFileSync(path, "utf8"));
  if (faults !== "") {
    console.error(faults);
    process.exit(1);
  }
}
