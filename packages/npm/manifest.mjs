/** What is read of the file by which wrangler deploys. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Its names, in the order in which wrangler takes them. */
const NAMES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/** The name of the file in `folder`, and its texts under `vars`; none if it is not there or can't be read: wrangler tells that. */
export function manifest(folder) {
  for (const name of NAMES) {
    let text;
    try {
      text = readFileSync(join(folder, name), "utf8");
    } catch {
      continue;
    }
    return { name, vars: texts(name.endsWith(".toml") ? inToml(text) : inJson(text)) };
  }
  return { name: "wrangler.jsonc", vars: {} };
}

const texts = (vars) => Object.fromEntries(Object.entries(vars).filter(([, value]) => typeof value === "string"));

function inJson(text) {
  try {
    return JSON.parse(plain(text)).vars ?? {};
  } catch {
    return {};
  }
}

/** JSON without comments and without commas before an end. A text is one token, so that nothing in it counts as either. */
function plain(text) {
  const uncommented = text.replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[^]*?\*\//g, (token) => (token.startsWith('"') ? token : " "));
  return uncommented.replace(/"(?:\\.|[^"\\])*"|,(?=\s*[}\]])/g, (token) => (token === "," ? "" : token));
}

/** The texts on one line each under `[vars]`, or in `vars = { … }` on one line. */
function inToml(text) {
  const vars = {};
  const take = (pairs) => {
    for (const [, name, basic, literal] of pairs.matchAll(/(?:^|[{,])\s*"?([A-Za-z0-9_-]+)"?\s*=\s*(?:"((?:\\.|[^"\\])*)"|'([^']*)')/gm)) vars[name] = literal ?? basic;
  };
  const inline = /^vars\s*=\s*(\{.*\})/m.exec(text);
  if (inline) take(inline[1]);
  const table = /^\s*\[vars\][^\n]*\n([^]*?)(?=^\s*\[|(?![^]))/m.exec(text);
  if (table) take(table[1]);
  return vars;
}
