/** What is in `deploy/`, as far as it can be tried without the platforms: the configurations, and the commands that are called. */

import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { program } from "../runtime/native.mjs";

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));
const read = (file) => readFileSync(join(deploy, file), "utf8");

function check(text) {
  const folder = mkdtempSync(join(tmpdir(), "edgeway-deploy-"));
  writeFileSync(join(folder, "gateway.json"), text);
  const { status, stderr } = spawnSync(program, ["check", "--strict", "--target", "native"], { cwd: folder, encoding: "utf8" });
  rmSync(folder, { recursive: true });
  assert.equal(status, 0, stderr);
}

/** The configuration in the manifest of Kubernetes: a block of text that is indented by four. */
const [, configMap] = /gateway\.json: \|\n((?: {4}.*\n)+)/.exec(read("kubernetes/edgeway.yaml"));

test("the configurations are right", () => {
  check(read("docker/gateway.json"));
  check(configMap);
});

test("each command that is called is one", () => {
  const json = (text) => JSON.parse(text);
  const docker = read("docker/Dockerfile");
  const [, health] = /^HEALTHCHECK .* CMD (\[.+\])$/m.exec(docker);
  const [, served] = /^CMD (\[.+\])$/m.exec(docker);
  const [, args] = /args: \[(.+)\]/.exec(read("kubernetes/edgeway.yaml"));
  const unit = [...read("systemd/edgeway.service").matchAll(/^Exec\w+=\/usr\/local\/bin\/edgeway (.+)$/gm)].map(([, line]) => line.split(" "));
  assert.equal(unit.length, 2);
  for (const command of [json(health).slice(1), json(served), args.split(", "), ["ready"], ...unit]) {
    // With one argument more than there can be, each option of it has to be known.
    const { status, stderr } = spawnSync(program, [...command, "--nothing-of-this-name"], { encoding: "utf8" });
    assert.equal(status, 2);
    assert.match(stderr, /unexpected argument '--nothing-of-this-name'/, command.join(" "));
  }
});

test("what waits for the end of a gateway waits longer than it takes", () => {
  const seconds = (text, name) => Number(new RegExp(`"${name}": "(\\d+)s"`).exec(text)[1]);
  const drained = (text) => seconds(text, "grace") + seconds(text, "drain");
  assert.ok(Number(/terminationGracePeriodSeconds: (\d+)/.exec(read("kubernetes/edgeway.yaml"))[1]) > drained(configMap));
  assert.ok(Number(/stop_grace_period: (\d+)s/.exec(read("docker/compose.yaml"))[1]) > drained(read("docker/gateway.json")));
});

/** The unit is as `systemd-analyze` has it, where there is one; the program is where the unit says after an installation only. */
test("the unit is one that systemd takes", { skip: spawnSync("systemd-analyze", ["--version"]).error !== undefined }, () => {
  const folder = mkdtempSync(join(tmpdir(), "edgeway-unit-"));
  const unit = join(folder, "edgeway.service");
  writeFileSync(unit, read("systemd/edgeway.service").replaceAll("/usr/local/bin/edgeway", "/bin/true").replace(/^Documentation=.*\n/m, ""));
  const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  assert.equal(stdout + stderr, "");
  assert.equal(status, 0);
});
