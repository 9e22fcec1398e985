/** The native program as a process, for tests in JavaScript. `EDGEWAY_BIN` names another than `target/release/edgeway`. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

export const program = resolve(process.env.EDGEWAY_BIN ?? join(root, "target/release/edgeway"));

/** Serves `config` until `end` is called, with the lines of its access log; rejects with what it says if it does not start. */
export async function serveNative(config, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), "edgeway-native-"));
  const file = join(folder, "gateway.json");
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(program, ["serve", file], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const gone = new Promise((ended) => child.once("exit", (code) => ended(code)));
  const log = [];
  let rest = "";
  child.stdout.on("data", (data) => {
    const lines = (rest + data).split("\n");
    rest = lines.pop();
    log.push(...lines.map((line) => JSON.parse(line)));
  });
  let said = "";
  const port = await new Promise((found, failed) => {
    child.stderr.on("data", (data) => {
      said += data;
      const place = /:\/\/127\.0\.0\.1:(\d+)/.exec(said);
      if (place) found(Number(place[1]));
    });
    gone.then(() => failed(new Error(said)));
  });
  const end = async () => {
    child.kill("SIGTERM");
    const code = await gone;
    rmSync(folder, { recursive: true });
    return code;
  };
  const reload = async (changed) => {
    writeFileSync(file, JSON.stringify(changed));
    child.kill("SIGHUP");
    while (!said.includes("reloaded")) await new Promise((wait) => setTimeout(wait, 20));
  };
  const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]) * 1024;
  return { port, pid: child.pid, log, end, reload, resident };
}
