/**
 * The npm package as its users get it: from the archive in `dist/npm/`, in an empty folder, on a path on which there is no Rust.
 * wrangler is the project's own, since nothing is fetched here.
 */

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { program } from "../runtime/native.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const packed = join(root, "dist/npm");

let place, env;

before(() => {
  place = mkdtempSync(join(tmpdir(), "edgeway-npm-"));
  const bin = join(place, "bin");
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, "node"));
  for (const name of ["npm", "npx", "sh"]) symlinkSync(execFileSync("which", [name], { encoding: "utf8" }).trim(), join(bin, name));
  // npm's own cache, so that what is there already is of no help.
  env = { PATH: bin, HOME: place, CI: "1", NO_COLOR: "1", WRANGLER_SEND_METRICS: "false", npm_config_offline: "true", npm_config_update_notifier: "false", npm_config_audit: "false", npm_config_fund: "false" };
  assert.equal(spawnSync("cargo", ["--version"], { env }).error?.code, "ENOENT");
});
after(() => rmSync(place, { recursive: true, force: true }));

function run(folder, command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: "utf8" });
  return { status, stdout, said: stdout + stderr };
}

function archive() {
  const [name, ...others] = readdirSync(packed).filter((file) => file.endsWith(".tgz"));
  assert.ok(name !== undefined && others.length === 0, "run `cargo xtask npm` first");
  return join(packed, name);
}

/** A folder that `npx edgeway init` has made, with its packages installed; and the keys that it told. */
function begun(name, recipe) {
  const folder = join(place, name);
  mkdirSync(folder);
  const made = run(folder, "npm", "exec", "--yes", `--package=${archive()}`, "--", "edgeway", "init", "--json", "--for", recipe);
  assert.equal(made.status, 0, made.said);
  // What a registry would do for these two.
  const file = join(folder, "package.json");
  const { devDependencies, ...manifest } = JSON.parse(readFileSync(file, "utf8"));
  const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.equal(devDependencies.wrangler, own.devDependencies.wrangler);
  manifest.dependencies.edgeway = `file:${archive()}`;
  writeFileSync(file, JSON.stringify(manifest));
  const installed = run(folder, "npm", "install");
  assert.equal(installed.status, 0, installed.said);
  symlinkSync(join(root, "node_modules/wrangler"), join(folder, "node_modules/wrangler"));
  symlinkSync("../wrangler/bin/wrangler.js", join(folder, "node_modules/.bin/wrangler"));
  return { folder, keys: JSON.parse(made.stdout).keys };
}

test("an empty folder becomes a Worker that is deployed and served, and takes over changes", async () => {
  const start = performance.now();
  const { folder, keys } = begun("project", "keys");
  const dry = run(folder, "npx", "wrangler", "deploy", "--dry-run", "--outdir", join(place, "out"));
  assert.equal(dry.status, 0, dry.said);
  assert.match(dry.said, /env\.COUNTERS \(CounterCell\)/);

  const from = performance.now();
  const dev = spawn("npx", ["wrangler", "dev", "--ip", "127.0.0.1", "--port", "0"], { cwd: folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const gone = new Promise((resolve) => dev.once("exit", resolve));
  let said = "";
  try {
    const url = await new Promise((found, failed) => {
      const take = (data) => {
        said += data;
        const ready = /Ready on (http:\/\/127\.0\.0\.1:\d+)/.exec(said);
        if (ready) found(ready[1]);
      };
      dev.stdout.on("data", take);
      dev.stderr.on("data", take);
      gone.then(() => failed(new Error(said)));
      setTimeout(() => failed(new Error(`not ready: ${said}`)), 60_000).unref();
    });
    const ask = async (headers = {}) => {
      const answer = await fetch(`${url}/whoami`, { headers, signal: AbortSignal.timeout(10_000) });
      return { status: answer.status, text: await answer.text(), limit: answer.headers.get("ratelimit") };
    };
    const served = await ask({ "x-api-key": keys[0].key });
    assert.deepEqual(served, { status: 200, text: "you are acme\n", limit: '"by-tier";r=999;t=1' });
    const took = (performance.now() - from) / 1000;
    console.log(`a served request ${took.toFixed(1)} s after \`wrangler dev\`, ${((performance.now() - start) / 1000).toFixed(1)} s after an empty folder`);
    assert.equal((await ask()).status, 401);
    assert.equal((await ask({ "x-api-key": keys[1].key })).text, "you are globex\n");

    const file = join(folder, "gateway.json");
    const text = readFileSync(file, "utf8");
    const change = async (changed, isOver) => {
      writeFileSync(file, changed);
      for (const end = performance.now() + 30_000; performance.now() < end; await new Promise((wait) => setTimeout(wait, 100))) {
        if (await isOver()) return;
      }
      throw new Error(`nothing becomes of a change: ${said}`);
    };
    await change(text.replace("you are {consumer.name}", "welcome, {consumer.name}"), async () => (await ask({ "x-api-key": keys[0].key }).catch(() => ({}))).text === "welcome, acme\n");
    // A wrong one is told, and never served: wrangler has requests wait until it is mended.
    await change(text.replace('"whoami"', '"whoami", "methds": []'), async () => said.includes("unknown field `methds`"));
    await change(text, async () => (await ask({ "x-api-key": keys[0].key }).catch(() => ({}))).text === "you are acme\n");
  } finally {
    process.kill(-dev.pid, "SIGTERM");
    await gone;
  }
});

test("a wrong configuration stops a deployment, with what is wrong", () => {
  const { folder } = begun("wrong", "plain");
  assert.deepEqual(run(folder, "npx", "edgeway", "check"), { status: 0, stdout: "", said: "ok gateway.json: good for Cloudflare Workers\n" });
  // What only the deployment has is no mistake, and is told.
  const naming = { upstreams: { a: { url: "${A_URL}" }, b: { url: "${B_URL}" } }, admin: { token: { secret: "ADMIN_TOKEN" } }, routes: [{ name: "a", match: { prefix: "/" }, upstream: "a" }] };
  writeFileSync(join(folder, "gateway.json"), JSON.stringify(naming));
  const wrangler = readFileSync(join(folder, "wrangler.jsonc"), "utf8");
  writeFileSync(join(folder, "wrangler.jsonc"), wrangler.replace('"main":', '"vars": { "B_URL": "http://b.example", }, // ${A_URL}\n"main":'));
  const notes = "note: variables without a value in `vars` of wrangler.jsonc: A_URL\nnote: secrets, which the deployment needs: ADMIN_TOKEN (`npx wrangler secret put ADMIN_TOKEN`)\n";
  assert.deepEqual(run(folder, "npx", "edgeway", "check"), { status: 0, stdout: "", said: `ok gateway.json: good for Cloudflare Workers\n${notes}` });
  const toml = '[vars]\n# A_URL = "no"\nA_URL = "http://a.example"\n"B_URL" = \'http://b.example\'\n[[rules]]\nADMIN_TOKEN = "not here"\n';
  rmSync(join(folder, "wrangler.jsonc"));
  writeFileSync(join(folder, "wrangler.toml"), toml);
  assert.match(run(folder, "npx", "edgeway", "check").said, /Workers\nnote: secrets, [^\n]*ADMIN_TOKEN[^\n]*\n$/);
  rmSync(join(folder, "wrangler.toml"));
  writeFileSync(join(folder, "wrangler.jsonc"), wrangler);
  writeFileSync(join(folder, "gateway.json"), '{ "routes": [{ "nam": "a" }] }');
  // This one runs the check by itself.
  const deployed = run(folder, "npx", "wrangler", "deploy", "--dry-run");
  assert.notEqual(deployed.status, 0);
  assert.match(deployed.said, /unknown field `nam`/);
});

/** `files` of a folder, without what is made anew. */
const contents = (folder, files) =>
  Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), "utf8").replace(/[0-9a-f]{64}/g, "…")]));

test("it writes what the native program writes", () => {
  const command = join(packed, "edgeway/edgeway.mjs");
  for (const recipe of Object.keys(JSON.parse(readFileSync(join(root, "recipes/index.json"), "utf8")))) {
    const args = (name) => ["init", join(place, name), "--for", recipe, "--target", "cloudflare", "--json"];
    const ours = JSON.parse(execFileSync(process.execPath, [command, ...args(`${recipe}-npm`)], { encoding: "utf8" }));
    const theirs = JSON.parse(execFileSync(program, args(`${recipe}-native`), { encoding: "utf8" }));
    assert.deepEqual(ours.files, theirs.files, recipe);
    assert.deepEqual(contents(join(place, `${recipe}-npm`), ours.files), contents(join(place, `${recipe}-native`), theirs.files), recipe);
  }
});

test("it overwrites nothing, and says what it takes", () => {
  const folder = join(place, "there");
  mkdirSync(folder);
  writeFileSync(join(folder, "worker.js"), "mine");
  writeFileSync(join(folder, "package.json"), "{}");
  const edgeway = (...args) => run(folder, "node", join(packed, "edgeway/edgeway.mjs"), ...args);
  const refused = edgeway("init");
  assert.equal(refused.status, 1);
  assert.match(refused.said, /^error: `worker\.js` is there already, and nothing was written/);
  assert.deepEqual(readdirSync(folder).sort(), ["package.json", "worker.js"]);
  assert.match(edgeway("init", "--force").said, /kept {2}package\.json[^]*npm install edgeway@/);
  for (const [args, status, said] of [
    [["serve"], 2, /there is no command `serve`/],
    [["init", "--from", "x"], 2, /--from/],
    [["init", "x", "--for", "nothing"], 1, /take one of plain, /],
    [["init", "--help"], 0, /canary:/],
    [["--help"], 0, /npx edgeway init/],
    [["check", "nowhere.json"], 1, /`nowhere\.json` can't be read/],
    [["check", "package.json"], 1, /package\.json|`routes`/],
  ]) {
    const answer = edgeway(...args);
    assert.equal(answer.status, status, answer.said);
    assert.match(answer.said, said);
  }
});
