#!/usr/bin/env node
/** The commands of the npm package: what is needed for Workers. The native program has more. */

import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { init, InitError, recipes } from "./init.mjs";
import { manifest } from "./manifest.mjs";

const { version } = JSON.parse(readFileSync(new URL("./package.json", import.meta.url), "utf8"));

const HELP = `An API gateway: one configuration for Cloudflare Workers, Spin and a native server. This package has what Workers need

Usage: edgeway <COMMAND>

Commands:
  init [FOLDER] [--for RECIPE]  Write the files that a gateway begins with; edgeway init --help has the recipes
  check [FILE]                  Check a configuration [default: gateway.json]: every mistake, with its place and the fix

Options:
  --version  Print the version
  --help     Print help

Example:
  npx edgeway init && npm install && npx wrangler dev`;

const INIT_HELP = `Write the files that a gateway on Cloudflare Workers begins with: a commented configuration, and what wrangler needs

Usage: edgeway init [OPTIONS] [FOLDER]

Arguments:
  [FOLDER]  The folder, which is made if it is not there [default: .]

Options:
      --for <RECIPE>  What the configuration is for [default: plain]
RECIPES
      --force         Overwrite files that are there
      --json          Print JSON
  -h, --help          Print help

It asks nothing, and overwrites nothing unless --force is given. Keys and secrets of a recipe are made anew each time.
The native program has the same command for other platforms, too.

Example:
  edgeway init shop --for keys`;

const CHECK_HELP = `Check a configuration for Cloudflare Workers: every mistake, with its place and the fix

Usage: edgeway check [FILE]

Arguments:
  [FILE]  The configuration [default: gateway.json]

Exits with 0 if the configuration is right, with 1 if it is not, with 2 if the command is wrong. Secrets, and variables that are not in
\`vars\` of the wrangler.jsonc (or .json, .toml) beside the file, are listed; they are no mistakes.

Example:
  edgeway check gateway.json`;

const OPTIONS = {
  init: { for: { type: "string" }, force: { type: "boolean" }, json: { type: "boolean" }, target: { type: "string" } },
  check: {},
};

class UsageError extends Error {}

async function run([command, ...rest]) {
  if (command === undefined || ["help", "-h", "--help"].includes(command)) return console.log(HELP);
  if (["-V", "--version"].includes(command)) return console.log(`edgeway ${version}`);
  if (!Object.hasOwn(OPTIONS, command)) {
    throw new UsageError(`there is no command \`${command}\` here: \`init\` and \`check\` are all; the native program has more`);
  }
  const { values, positionals } = given(command, rest);
  if (positionals.length > 1) throw new UsageError(`\`${positionals[1]}\` is one argument too many`);
  if (command === "check") return values.help ? console.log(CHECK_HELP) : check(positionals[0] ?? "gateway.json");
  if (values.help) {
    const list = Object.entries(recipes()).map(([name, { about }]) => `                      - ${`${name}:`.padEnd(15)}${about}`);
    return console.log(INIT_HELP.replace("RECIPES", list.join("\n")));
  }
  if ((values.target ?? "cloudflare") !== "cloudflare") {
    throw new UsageError("this package is for Workers: the native program's `edgeway init --target` is for the others");
  }
  init({ folder: positionals[0] ?? ".", recipe: values.for ?? "plain", force: values.force ?? false, json: values.json ?? false, version });
}

function given(command, rest) {
  try {
    return parseArgs({ args: rest, allowPositionals: true, options: { ...OPTIONS[command], help: { type: "boolean", short: "h" } } });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

async function check(path) {
  let text;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new InitError(`\`${path}\` can't be read: ${error.message}`);
  }
  const { check: mistakesOf } = await import("./check.mjs");
  const mistakes = mistakesOf(text);
  if (mistakes === "") {
    console.error(`ok ${path}: good for Cloudflare Workers`);
    for (const note of unset(mistakesOf, text, dirname(path))) console.error(`note: ${note}`);
    return;
  }
  console.error(mistakes);
  process.exitCode = 1;
}

/** What the configuration names and no file here gives, in words: a deployment that lacks it answers 500. */
function unset(mistakesOf, text, folder) {
  const { name, vars } = manifest(folder);
  const told = mistakesOf(text, vars);
  const missing = (kind) => [...new Set([...told.matchAll(new RegExp(`^error: the ${kind} \`([^\`]+)\` is not set$`, "gm"))].map(([, found]) => found))];
  const [variables, secrets] = [missing("variable"), missing("secret")];
  return [
    ...(variables.length > 0 ? [`variables without a value in \`vars\` of ${name}: ${variables.join(", ")}`] : []),
    ...(secrets.length > 0 ? [`secrets, which the deployment needs: ${secrets.join(", ")} (\`npx wrangler secret put ${secrets[0]}\`)`] : []),
  ];
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof InitError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
