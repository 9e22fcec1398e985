/** `edgeway init`, as the native program has it for Workers: from the same recipes, it writes the same files. */

import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a project has already: one that is there is left as it is. */
const KEPT = [".gitignore", "package.json"];

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** What keeps a command from what it is for, in words for whoever called it. */
export class InitError extends Error {}

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");

/** The recipes, by their names. */
export const recipes = () => JSON.parse(read("./recipes/index.json"));

/** Writes the files of `recipe` into `folder`, all or none, and prints what to do next. */
export function init({ folder, recipe, force, json, version }) {
  const known = recipes();
  if (!Object.hasOwn(known, recipe)) throw new InitError(`there is no recipe \`${recipe}\`: take one of ${Object.keys(known).join(", ")}`);
  const { keys: digests = {}, secrets = [], try: target } = known[recipe];
  let configuration = read(`./recipes/${recipe}/gateway.json`);
  const keys = Object.entries(digests).map(([consumer, digest]) => {
    const key = newKey();
    configuration = configuration.replace(digest, createHash("sha256").update(key).digest("hex"));
    return { consumer, key };
  });
  const platform = (name) => read(`./recipes/platforms/${name}`);
  const files = {
    "gateway.json": configuration,
    "gateway.schema.json": read("./gateway.schema.json"),
    ".gitignore": platform("gitignore"),
    "wrangler.jsonc": platform("cloudflare/wrangler.jsonc"),
    "worker.js": platform("cloudflare/worker.js"),
    "package.json": platform("cloudflare/package.json").replace('"edgeway": "0.0.0"', `"edgeway": "${version}"`),
  };
  if (secrets.length > 0) files[".dev.vars"] = secrets.map((name) => `${name}=${randomBytes(32).toString("hex")}\n`).join("");

  const { made, kept } = write(folder, files, force);
  const header = keys.length > 0 ? `-H 'X-API-Key: ${keys[0].key}' ` : "";
  const wrangler = JSON.parse(platform("cloudflare/package.json")).devDependencies.wrangler;
  const next = [
    ...(folder === "." ? [] : [`cd ${folder}`]),
    ...(kept.includes("package.json")
      ? [`npm install edgeway@${version} && npm install --save-dev wrangler@${wrangler}`, "npm pkg set scripts.check='edgeway check gateway.json'"]
      : ["npm install"]),
    "npx wrangler dev  # on this machine",
    `curl -i ${header}http://127.0.0.1:8787${target}`,
    ...secrets.map((name) => `npx wrangler secret put ${name}  # at Cloudflare, once`),
    "npx wrangler deploy  # at Cloudflare",
  ];
  if (json) return console.log(JSON.stringify({ folder, recipe, targets: ["cloudflare"], files: made, kept, keys, next }, null, 2));
  const rows = [
    ...made.map((file) => ["made", file]),
    ...kept.map((file) => ["kept", file === ".gitignore" ? ignoring(folder, files[file]) : `${file}, which was there: see docs/install.md for what belongs in it`]),
    ...keys.map(({ consumer, key }) => ["key", `${key}  for ${consumer}; it is kept nowhere else`]),
    ...next.map((line) => ["next", line]),
  ];
  let before;
  for (const [label, line] of rows) {
    console.log(`${(label === before ? "" : label).padEnd(4)}  ${line}`);
    before = label;
  }
}

/** What the list of what git is to leave out lacks, in words. */
function ignoring(folder, wanted) {
  const bare = (line) => line.trim().replace(/^\/+|\/+$/g, "");
  const there = new Set(readFileSync(join(folder, ".gitignore"), "utf8").split("\n").map(bare));
  const lacks = wanted.split("\n").filter((line) => line !== "" && !line.startsWith("#") && !there.has(bare(line)));
  return lacks.length === 0 ? ".gitignore, which has all that belongs in it" : `.gitignore, which was there: add ${lacks.join(", ")}`;
}

function write(folder, files, force) {
  const isThere = (name) => existsSync(join(folder, name));
  const kept = KEPT.filter((name) => isThere(name) && name in files);
  const made = Object.keys(files).filter((name) => !kept.includes(name));
  const there = made.filter(isThere).map((name) => `\`${name}\``);
  if (!force && there.length > 0) {
    const names = there.length === 1 ? `${there[0]} is` : `${there.slice(0, -1).join(", ")} and ${there.at(-1)} are`;
    throw new InitError(`${names} there already, and nothing was written: name another folder, or overwrite with --force`);
  }
  for (const name of made) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(path, files[name], { flag: force ? "w" : "wx", mode: name === ".dev.vars" ? 0o600 : 0o666 });
    } catch (error) {
      throw new InitError(`\`${path}\` can't be written: ${error.message}`);
    }
  }
  return { made, kept };
}

/** A new API key, as `edgeway key new` makes them: 43 digits of 256 random bits, and 6 of a checksum. */
function newKey() {
  let rest = BigInt(`0x${randomBytes(32).toString("hex")}`);
  let key = "edgw_";
  for (let place = 0; place < 43; place += 1) {
    key += DIGITS[Number(rest % 62n)];
    rest /= 62n;
  }
  return key + checksum(key);
}

/** The CRC-32 of `text` in six digits. */
function checksum(text) {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  let rest = ~crc >>> 0;
  let digits = "";
  for (let place = 0; place < 6; place += 1) {
    digits = DIGITS[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
