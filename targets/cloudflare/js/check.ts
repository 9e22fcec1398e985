/** Checks a configuration with the very wasm that will run it: `node check.mjs gateway.json`. */

import { readFileSync } from "node:fs";
import * as wasm from "edgeway-wasm";

/** What is wrong with the configuration `text`, rendered; or nothing. */
export function check(text: string): string {
  return wasm.check(text);
}

wasm.initSync({ module: new WebAssembly.Module(readFileSync(new URL("./edgeway.wasm", import.meta.url))) });

if (import.meta.main) {
  const path = process.argv[2] ?? "gateway.json";
  const faults = check(readFileSync(path, "utf8"));
  if (faults !== "") {
    console.error(faults);
    process.exit(1);
  }
}
