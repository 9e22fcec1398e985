#!/usr/bin/env node
// Runs the public tests for HTTP caches against the gateway, and holds the figures against thresholds.json.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Usage, run, say } from "../../benches/compare/command.mjs";
import { table } from "../../benches/compare/report.mjs";
import { openSuite } from "./suite.mjs";
import { TARGETS, configuration } from "./targets.mjs";
import { count, isForProxies, needless, shortfalls, unexplained } from "./verdict.mjs";

const HELP = `usage: node tests/conformance/cache.mjs --target native|workerd|spin [options]

Runs the tests of https://cache-tests.fyi against a gateway with the policy \`cache\`, in front of the suite's own server, and prints
how many pass of each kind: by the suite's own count, and clear of dependencies that fail, as its site shows them. The exit
status is 1 if they are fewer than thresholds.json asks for, or if a test fails that is not explained there. Up to 10 such tests are run
again first, each by itself: the answers of the suite are fresh for seconds, and a busy machine may let them go by.

  --target NAME        where the gateway runs
  --suite FOLDER       a checkout of the suite's repository, with its packages installed (default: the npm package, which is older
                       than RFC 9111 and has no tests of CDN-Cache-Control)
  --only ID            this test and nothing else, with every exchange on standard error
  --cache JSON         the policy's settings (default: what thresholds.json has for the suite)
  --no-cache-policy    a gateway that caches nothing: what a proxy passes anyway
  --chunk N            tests at a time (default: 50)
  --json               print JSON instead of tables
  --help               print this

EDGEWAY_BIN and EDGEWAY_COMPONENT name another program and another component than those in target/.`;

function options() {
  const { values } = parseArgs({
    options: {
      target: { type: "string" },
      suite: { type: "string" },
      only: { type: "string" },
      cache: { type: "string" },
      "no-cache-policy": { type: "boolean", default: false },
      chunk: { type: "string", default: "50" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return values;
  if (!Object.hasOwn(TARGETS, values.target ?? "")) throw new Usage(`\`--target\` takes ${Object.keys(TARGETS).join(" or ")}`);
  const chunk = Number(values.chunk);
  if (!Number.isInteger(chunk) || chunk < 1) throw new Usage(`\`--chunk\` takes a whole number, not \`${values.chunk}\``);
  return { ...values, chunk, cache: settings(values.cache) };
}

function settings(text) {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    throw new Usage(`\`--cache\` takes JSON, not \`${text}\``);
  }
}

async function main() {
  const chosen = options();
  if (chosen.help) {
    console.log(HELP);
    return;
  }
  const suite = await openSuite(chosen.suite);
  const known = suite.tests.filter(isForProxies);
  const tests = chosen.only === undefined ? known : known.filter(({ id }) => id === chosen.only);
  if (tests.length === 0) throw new Usage(`no test for proxies is called \`${chosen.only}\``);
  const asked = JSON.parse(readFileSync(new URL("thresholds.json", import.meta.url), "utf8"))[suite.name];
  const cache = chosen["no-cache-policy"] ? undefined : (chosen.cache ?? asked.cache);

  const begun = Date.now();
  // One test by itself says nothing of the figures.
  const thresholds = chosen["no-cache-policy"] || chosen.only !== undefined ? undefined : thresholdsFor(asked, chosen.target);
  const counted = count(tests, await resultsOf(suite, tests, chosen, cache, thresholds));
  const faults = thresholds === undefined ? [] : shortfalls(counted, thresholds);
  const passing = thresholds === undefined ? [] : needless(counted, thresholds);

  const report = { target: chosen.target, suite: suite.name, cache: cache ?? null, seconds: (Date.now() - begun) / 1000, ...counted };
  if (chosen.json) console.log(JSON.stringify({ ...report, faults, needless: passing }, null, 2));
  else print(report, thresholds);
  for (const id of passing) say(`${id} passes, though its failure is explained`);
  for (const fault of faults) say(fault);
  if (faults.length > 0 || (chosen.only !== undefined && counted.failures.length > 0)) process.exitCode = 1;
}

/** What a platform has to reach, with all that is explained for it. */
function thresholdsFor({ explained, targets }, target) {
  const { least, explained: own } = targets[target];
  return { least, explained: { ...explained, ...own } };
}

/** The most failures that a slow machine is taken to be the cause of. */
const MOST_AGAIN = 10;

async function resultsOf(suite, tests, { target, only, chunk }, cache, thresholds) {
  const dump = only !== undefined;
  // The suite speaks on standard output, which is for the result.
  const { log } = console;
  console.log = (...words) => console.error(...words);
  const upstream = await suite.serve(dump);
  try {
    const gateway = await TARGETS[target](configuration(target, upstream.port, { cache }));
    try {
      const base = `http://127.0.0.1:${gateway.port}`;
      const results = await suite.run(new Set(tests.map(({ id }) => id)), base, { chunk, dump });
      const odd = thresholds === undefined ? [] : unexplained(count(tests, results), thresholds);
      if (odd.length === 0 || odd.length > MOST_AGAIN) return results;
      // The suite's answers are fresh for a second or two, which goes by between two steps where a machine is busy.
      for (const { id, reason } of odd) say(`${id} is run again, by itself: ${reason}`);
      return await suite.run(new Set(odd.map(({ id }) => id)), base, { chunk: 1, dump });
    } finally {
      await gateway.end();
    }
  } finally {
    await upstream.end();
    console.log = log;
  }
}

const TITLES = { required: "required", optimal: "optimal", check: "check (no right answer)", cdn: "CDN-Cache-Control, of these" };

function print({ target, suite, cache, seconds, counts, failures }, thresholds) {
  console.log(`${target}, the suite's ${suite}, policy ${cache === null ? "none" : JSON.stringify({ cache })}, ${seconds.toFixed(0)} s`);
  const rows = Object.entries(counts).filter(([, { total }]) => total > 0).map(([name, { passed, clear, total }]) => {
    return [TITLES[name], String(passed), String(total), String(clear), String(thresholds?.least[name] ?? "–")];
  });
  table([["", "passed", "of", "clear", "at least"], ...rows]);
  const explained = thresholds?.explained ?? {};
  for (const kind of Object.keys(counts)) {
    const of = failures.filter((failure) => failure.kind === kind);
    if (of.length === 0) continue;
    console.log(`\n${kind}: ${of.length} ${of.length === 1 ? "fails" : "fail"}`);
    const width = Math.max(...of.map(({ id }) => id.length));
    for (const { id, reason, unmet } of of) {
      const more = [unmet && `needs ${unmet}`, explained[id] && `explained: ${explained[id]}`].filter(Boolean);
      console.log(`  ${id.padEnd(width)}  ${[reason, ...more].join("; ")}`);
    }
  }
}

await run(main);
