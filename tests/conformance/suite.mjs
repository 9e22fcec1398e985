/**
 * The public suite of tests for HTTP caches (https://cache-tests.fyi), in either form in which it exists: the package
 * `http-cache-tests`, which is older than RFC 9111, and a checkout of its repository, which has grown since.
 */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { end, freePort, ready, remove, start, temporaryFolder } from "../../benches/compare/processes.mjs";

const require = createRequire(import.meta.url);

/** The suite in `folder`, or the package where there is none: its groups of tests, and how they are run. */
export async function openSuite(folder) {
  const place = folder === undefined ? packaged() : resolve(folder);
  // The repository has put its programs into a folder of their own.
  const engine = existsSync(join(place, "test-engine")) ? join(place, "test-engine") : place;
  const load = (folder, file) => import(new URL(file, pathToFileURL(join(folder, "/"))).href);
  const { default: groups } = await load(place, "tests/index.mjs");
  const { testResults } = await load(engine, "client/test.mjs");
  let runs = 0;
  const isOlder = engine === place;
  // Its client is made for this one: others send fields of their own with what must not be cached.
  const client = isOlder ? [require(require.resolve("node-fetch", { paths: [place] }))] : [];
  return {
    name: isOlder ? "package" : "repository",
    tests: groups.flatMap((group) => group.tests.map((test) => ({ ...test, kind: test.kind ?? "required", group: group.id }))),
    serve: (verbose) => serve(place, join(engine, "server/server.mjs"), verbose),
    /** Runs the tests with these names at `base`, and returns what came of each: `true`, or a class of error and a text. */
    async run(ids, base, { chunk, dump }) {
      const wanted = groups.map((group) => ({ ...group, tests: group.tests.filter(({ id }) => ids.has(id)) }));
      if (dump) for (const group of wanted) for (const test of group.tests) test.dump = true;
      // A runner keeps every test that it was ever given: each run has one of its own. The results are one module's, and stay; a
      // second one for a test is an error there.
      for (const id of ids) delete testResults[id];
      const runner = await load(engine, `client/runner.mjs?run=${runs++}`);
      await runner.runTests(wanted, ...client, false, base, chunk);
      return runner.getResults();
    },
  };
}

function packaged() {
  try {
    return resolve(require.resolve("http-cache-tests/package.json"), "..");
  } catch {
    throw new Error("http-cache-tests is not installed: run `npm ci`, or name a checkout by `--suite`");
  }
}

/** Starts the suite's own server, which is the upstream, and returns its port. */
async function serve(place, program, verbose) {
  const folder = temporaryFolder();
  const port = await freePort();
  const settings = { protocol: "http", port: String(port), pidfile: join(folder, "pid") };
  const env = Object.fromEntries(Object.entries(settings).map(([name, value]) => [`npm_config_${name}`, value]));
  const child = start([process.execPath, program], { cwd: place, stdio: ["ignore", "pipe", "pipe"], env });
  child.stdout.on("data", (data) => verbose && process.stderr.write(data));
  await ready(child, port);
  return {
    port,
    async end() {
      await end(child);
      remove(folder);
    },
  };
}
