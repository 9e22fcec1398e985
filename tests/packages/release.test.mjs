/** The release in `dist/release/` as its users get it: `cargo xtask dist` makes it, and where it has not, nothing is tried. */

import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const release = fileURLToPath(new URL("../../dist/release/", import.meta.url));
const skip = !existsSync(join(release, "SHA256SUMS")) && "run `cargo xtask dist` first";
const files = skip ? [] : readdirSync(release);
const named = (end) => files.find((file) => file.endsWith(end));

let place, installed;

before(() => {
  if (skip) return;
  place = mkdtempSync(join(tmpdir(), "edgeway-release-"));
  execFileSync("tar", ["-xzf", join(release, named("-musl.tar.gz")), "-C", place, "--strip-components=1"]);
  installed = join(place, "bin/edgeway");
});
after(() => place && rmSync(place, { recursive: true, force: true }));

test("each file has the digest that is told", { skip }, () => {
  const told = Object.fromEntries(readFileSync(join(release, "SHA256SUMS"), "utf8").trim().split("\n").map((line) => line.split("  ").reverse()));
  assert.deepEqual(Object.keys(told).sort(), files.filter((file) => file !== "SHA256SUMS").sort());
  for (const [file, digest] of Object.entries(told)) {
    assert.equal(createHash("sha256").update(readFileSync(join(release, file))).digest("hex"), digest, file);
  }
});

/** The program asks for no loader (PT_INTERP), so that it runs where there is nothing else: as root in an empty folder that is all there is. */
test("the program needs nothing else, and serves", { skip }, async () => {
  const elf = readFileSync(installed);
  const [offset, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  const kinds = Array.from({ length: count }, (_, number) => elf.readUInt32LE(offset + number * size));
  assert.ok(!kinds.includes(3), "it is linked dynamically");

  const root = join(place, "root");
  mkdirSync(root);
  copyFileSync(installed, join(root, "edgeway"));
  const isRoot = process.getuid?.() === 0;
  const run = (...args) => (isRoot ? ["chroot", [root, "/edgeway", ...args]] : [join(root, "edgeway"), args]);
  const options = { cwd: root, env: {} };
  const start = performance.now();
  const made = spawnSync(...run("init", "--json"), { ...options, env: { PATH: process.env.PATH }, encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  const child = spawn(...run("demo", "--listen", "127.0.0.1:0"), { ...options, env: { PATH: process.env.PATH }, stdio: ["ignore", "ignore", "pipe"] });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  try {
    let said = "";
    const url = await new Promise((found, failed) => {
      child.stderr.on("data", (data) => {
        const place = /gateway {2,}(http:\/\/\S+)/.exec((said += data).replace(/\x1b\[\d*m/g, ""));
        if (place) found(place[1]);
      });
      gone.then(() => failed(new Error(said)));
    });
    const answer = await fetch(`${url}/hello/you`);
    assert.equal(await answer.text(), "hello, you\n");
    assert.equal((await (await fetch(`${url}/users/1`)).json()).name, "Ada Lovelace");
    console.log(`a served request ${((performance.now() - start) / 1000).toFixed(2)} s after an empty folder`);
  } finally {
    child.kill();
    await gone;
  }
});

test("manual pages, completions and the component are where they are looked for", { skip }, () => {
  const commands = [...execFileSync(installed, ["--help"], { encoding: "utf8" }).matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name);
  assert.ok(commands.includes("serve") && commands.includes("init"));
  for (const name of commands.filter((name) => name !== "help")) {
    assert.match(readFileSync(join(place, `share/man/man1/edgeway-${name}.1`), "utf8"), /^\.TH/m, name);
  }
  for (const file of ["bash-completion/completions/edgeway", "zsh/site-functions/_edgeway", "fish/vendor_completions.d/edgeway.fish"]) {
    assert.match(readFileSync(join(place, "share", file), "utf8"), /rollouts/);
  }
  const made = JSON.parse(execFileSync(installed, ["init", join(place, "spin"), "--target", "spin", "--json"], { encoding: "utf8" }));
  assert.ok(made.files.includes("edgeway-spin.wasm"));
  assert.ok(existsSync(join(place, "share/doc/edgeway/deploy/docker/Dockerfile")));
});

test("the template has the component, and the name that is chosen", { skip }, () => {
  const folder = join(place, "template");
  mkdirSync(folder);
  execFileSync("tar", ["-xzf", join(release, files.find((file) => file.startsWith("edgeway-spin-template"))), "-C", folder, "--strip-components=1"]);
  const content = join(folder, "templates/edgeway/content");
  assert.match(readFileSync(join(content, "spin.toml"), "utf8"), /^name = "\{\{project-name\}\}"$/m);
  assert.deepEqual(readFileSync(join(content, "edgeway-spin.wasm")), readFileSync(join(release, "edgeway-spin.wasm")));
  // What Spin would read as a part of its own language of templates.
  assert.doesNotMatch(readFileSync(join(content, "gateway.json"), "utf8") + readFileSync(join(content, "gateway.schema.json"), "utf8"), /\{\{|\{%/);
  assert.match(readFileSync(join(folder, "templates/edgeway/metadata/spin-template.toml"), "utf8"), /id = "edgeway"/);
});
