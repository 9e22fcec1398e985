/** How results are counted, and when they are too few: `node --test tests/conformance/verdict.test.mjs`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { count, needless, shortfalls } from "./verdict.mjs";

const TESTS = [
  { id: "base", kind: "check", group: "a" },
  { id: "needs-base", kind: "required", group: "a", depends_on: ["base"] },
  { id: "needs-both", kind: "optimal", group: "a", depends_on: ["base", "needs-base"] },
  { id: "targeted", kind: "check", group: "cdn-cache-control" },
];
const PASSING = Object.fromEntries(TESTS.map(({ id }) => [id, true]));
const FAILED = ["Assertion", "it does not come from the cache"];

test("each test counts by its kind, and those of CDN-Cache-Control by themselves as well", () => {
  const { counts, failures } = count(TESTS, PASSING);
  assert.deepEqual(counts.check, { passed: 2, clear: 2, total: 2 });
  assert.deepEqual(counts.cdn, { passed: 1, clear: 1, total: 1 });
  assert.deepEqual(failures, []);
});

test("a test passes whatever becomes of its dependencies, and is clear with all of them alone", () => {
  const { counts, failures } = count(TESTS, { ...PASSING, base: FAILED });
  assert.deepEqual(counts.required, { passed: 1, clear: 0, total: 1 });
  assert.deepEqual(counts.optimal, { passed: 1, clear: 0, total: 1 });
  assert.deepEqual(failures, [{ id: "base", kind: "check", group: "a", reason: FAILED[1], unmet: undefined }]);
});

test("what has no result fails, and a failed preparation is told from a failed test", () => {
  const { failures } = count(TESTS, { ...PASSING, "needs-base": ["Setup", "no answer"], targeted: undefined });
  assert.deepEqual(
    failures.map(({ id, reason }) => [id, reason]),
    [
      ["needs-base", "Setup: no answer"],
      ["targeted", "untested: it has not been run"],
    ],
  );
});

test("figures below their threshold fall short, explained or not", () => {
  const counted = count(TESTS, { ...PASSING, "needs-base": FAILED });
  const explained = { "needs-base": "known" };
  assert.deepEqual(shortfalls(counted, { least: { required: 0 }, explained }), []);
  assert.deepEqual(shortfalls(counted, { least: { required: 1 }, explained }), ["required: 0 passed, and 1 have to"]);
  // A count that there is none of reaches nothing.
  assert.equal(shortfalls(counted, { least: { another: 0 }, explained }).length, 1);
});

test("a failure that nothing explains falls short, but of a check outside of CDN-Cache-Control", () => {
  const counted = count(TESTS, { base: FAILED, "needs-base": FAILED, "needs-both": FAILED, targeted: FAILED });
  const faults = shortfalls(counted, { least: {}, explained: { "needs-both": "known" } });
  assert.deepEqual(
    faults.map((fault) => fault.split(" ")[0]),
    ["needs-base", "targeted"],
  );
});

test("an explanation of what passes is needless", () => {
  const counted = count(TESTS, { ...PASSING, base: FAILED });
  assert.deepEqual(needless(counted, { explained: { base: "known", targeted: "once" } }), ["targeted"]);
});
