/** Chromium with one page, over its DevTools protocol. */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

/** The name of the program; none if there is no Chromium. */
export const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
);

const OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0"];

/** The longest that a page is waited for. */
const LIMIT = 20_000;

export async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), "edgeway-chromium-"));
  const program = spawn(chromium, [...OPTIONS, `--user-data-dir=${profile}`, "about:blank"], { stdio: "ignore" });
  const gone = new Promise((ended) => program.once("exit", ended));
  const place = join(profile, "DevToolsActivePort");
  const begun = Date.now();
  while (!existsSync(place) || !readFileSync(place, "utf8").includes("\n")) {
    if (Date.now() - begun > LIMIT) throw new Error("the browser does not start");
    await sleep(50);
  }
  const [port] = readFileSync(place, "utf8").split("\n");
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const socket = new WebSocket(targets.find((target) => target.type === "page").webSocketDebuggerUrl);
  await new Promise((open, failed) => socket.once("open", open).once("error", failed));

  let last = 0;
  const waiting = new Map();
  socket.on("message", (data) => {
    const { id, result, error } = JSON.parse(data);
    if (!waiting.has(id)) return;
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error.message));
    else resolve(result);
  });
  const command = (method, params = {}) =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      socket.send(JSON.stringify({ id: last, method, params }));
    });

  /** The value of a JavaScript expression in the page; a promise is waited for. */
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await command("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  /** Waits until a JavaScript expression is true in whatever page there is then. */
  const until = async (expression) => {
    const since = Date.now();
    for (;;) {
      // Between two pages there is nothing to evaluate it in.
      const is = await evaluate(`document.readyState === "complete" && Boolean(${expression})`).catch(() => false);
      if (is) return;
      if (Date.now() - since > LIMIT) {
        throw new Error(`not so: ${expression}, at ${await evaluate("location.href + document.body.innerText")}`);
      }
      await sleep(50);
    }
  };
  return {
    evaluate,
    until,
    open: (url) => command("Page.navigate", { url }),
    cookies: async () => (await command("Storage.getCookies")).cookies,
    close: async () => {
      socket.close();
      program.kill();
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
