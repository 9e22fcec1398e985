/**
 * A folder for Spin as `edgeway init` makes it, with the component as it was built, on a path on which there is no Rust. Where there is
 * no `spin`, a program of the tests serves what `spin.toml` says, and the test runs the build in it as `spin build` does.
 */

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { program } from "../runtime/native.mjs";
import { component, driver } from "../runtime/spin.mjs";

const host = join(dirname(driver()), "edgeway-spin-host");

let place, env;

before(() => {
  place = mkdtempSync(join(tmpdir(), "edgeway-spin-"));
  const bin = join(place, "bin");
  mkdirSync(bin);
  symlinkSync(program, join(bin, "edgeway"));
  for (const name of ["mkdir", "mv", "sh"]) symlinkSync(execFileSync("which", [name], { encoding: "utf8" }).trim(), join(bin, name));
  env = { PATH: bin, HOME: place, NO_COLOR: "1" };
  assert.equal(spawnSync("cargo", ["--version"], { env }).error?.code, "ENOENT");
});
after(() => rmSync(place, { recursive: true, force: true }));

/** What the build of its `spin.toml` says, run as `spin build` runs it. */
function build(folder) {
  const [, command] = /^command = "(.+)"$/m.exec(readFileSync(join(folder, "spin.toml"), "utf8"));
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { cwd: folder, env, encoding: "utf8" });
  return { status, said: stdout + stderr };
}

/** Serves the folder while `work` is under way, which is called with a way to ask. */
async function serving(folder, work) {
  const child = spawn(host, ["--listen", "127.0.0.1:0"], { cwd: folder, env, stdio: ["ignore", "pipe", "ignore"] });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  try {
    const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    const [url] = /http:\/\/\S+/.exec(value);
    await work(async (path, headers = {}) => {
      const answer = await fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(20_000) });
      return { status: answer.status, text: await answer.text() };
    });
  } finally {
    child.kill();
    await gone;
  }
}

test("an empty folder becomes an application, whose configuration changes without Rust", async () => {
  const start = performance.now();
  const folder = join(place, "project");
  const said = execFileSync("edgeway", ["init", folder, "--for", "keys", "--target", "spin", "--component", component, "--json"], { env, encoding: "utf8" });
  const { keys } = JSON.parse(said);
  const built = build(folder);
  assert.equal(built.status, 0, built.said);
  await serving(folder, async (ask) => {
    const known = () => ask("/whoami", { "x-api-key": keys[0].key });
    assert.deepEqual(await known(), { status: 200, text: "you are acme\n" });
    console.log(`a served request ${((performance.now() - start) / 1000).toFixed(1)} s after an empty folder`);
    assert.equal((await ask("/whoami")).status, 401);

    // A wrong file ends the build, with what is wrong, and what the component reads stays.
    const [file, served] = [join(folder, "gateway.json"), join(folder, ".edgeway/gateway.json")];
    const text = readFileSync(file, "utf8");
    const before = statSync(served).mtimeMs;
    writeFileSync(file, text.replace('"whoami"', '"whoami", "methds": []'));
    const wrong = build(folder);
    assert.equal(wrong.status, 1);
    assert.match(wrong.said, /unknown field `methds`/);
    assert.equal(statSync(served).mtimeMs, before);
    assert.equal((await known()).text, "you are acme\n");

    writeFileSync(file, text.replace("you are", "welcome,"));
    assert.equal(build(folder).status, 0);
    // A new start, as `spin watch` makes one, reads what is there now.
    assert.match(readFileSync(served, "utf8"), /welcome, \{consumer\.name\}/);
  });
});

test("secrets of a recipe are variables that the application declares", () => {
  const folder = join(place, "login");
  execFileSync("edgeway", ["init", folder, "--for", "oidc", "--target", "spin", "--component", component], { env });
  const built = build(folder);
  assert.equal(built.status, 0, built.said);
  assert.match(readFileSync(join(folder, ".env"), "utf8"), /^SPIN_VARIABLE_SESSION_KEY=[0-9a-f]{64}\n$/);
  const manifest = readFileSync(join(folder, "spin.toml"), "utf8");
  assert.ok(manifest.includes("[variables]\nsession_key = { required = true, secret = true }\n"));
  assert.ok(manifest.includes('[component.gateway.variables]\nsession_key = "{{ session_key }}"\n'));
});
