/**
 * Checks a configuration before it is deployed: `node check.mjs gateway.json`. Its wasm is of one build with the Worker's, which only
 * takes or refuses a configuration.
 */

import { readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as wasm from "edgeway-wasm";

/**
 * Returns the rendered mistakes of the configuration `text`, or nothing. Without `bindings`, every secret is assumed to
 * exist.
 */
export function check(text: string, bindings?: Record<string, string>): string {
  return wasm.check(new TextEncoder().encode(text), bindings && JSON.stringify(bindings));
}

function checkFile(path: string): string {
  let text;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return `error: \`${path}\` can't be read: ${(error as Error).message}`;
  }
  return check(text);
}

const binary = readFileSync(fileURLToPath(import.meta.resolve("./check.wasm")));
// @ts-expect-error: the types are those of Workers, where wasm can't be compiled at run time; in Node it can.
wasm.initSync({ module: new WebAssembly.Module(binary) });

// `import.meta.main` is undefined in the oldest supported Node: nothing would be checked.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const path = process.argv[2] ?? "gateway.json";
  const faults = checkFile(path);
  if (faults !== "") {
    console.error(faults);
    process.exit(1);
  }
}
