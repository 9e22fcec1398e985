/** What the results of the suite amount to. */

/** The group about `CDN-Cache-Control` (RFC 9213), whose tests belong to the kinds as well. */
const TARGETED = "cdn-cache-control";

/** What is counted, in the order of the report. */
export const COUNTS = {
  required: (test) => test.kind === "required",
  optimal: (test) => test.kind === "optimal",
  check: (test) => test.kind === "check",
  cdn: (test) => test.group === TARGETED,
};

/** Whether a proxy is asked for it at all. */
export const isForProxies = (test) => test.browser_only !== true;

/**
 * How many tests of each count pass: `passed` as the suite itself counts them, and `clear` as its site shows them, where a test whose
 * dependency fails says nothing.
 */
export function count(tests, results) {
  const byId = new Map(tests.map((test) => [test.id, test]));
  const passes = (id) => results[id] === true;
  const unmet = (test) => (test.depends_on ?? []).find((id) => !isClear(byId.get(id)));
  // A dependency that is not run can't be met.
  const isClear = (test) => test !== undefined && passes(test.id) && unmet(test) === undefined;
  const counts = {};
  for (const [name, belongs] of Object.entries(COUNTS)) {
    const of = tests.filter(belongs);
    counts[name] = { passed: of.filter(({ id }) => passes(id)).length, clear: of.filter(isClear).length, total: of.length };
  }
  const failures = tests
    .filter(({ id }) => !passes(id))
    .map((test) => {
      const [kind, reason] = results[test.id] ?? ["untested", "it has not been run"];
      const why = kind === "Assertion" ? reason : `${kind}: ${reason}`;
      return { id: test.id, kind: test.kind, group: test.group, reason: why, unmet: unmet(test) };
    });
  return { counts, failures };
}

/** Why `counted` is less than `thresholds` ask for. A test of the kind `check` has no right answer, outside of the group of its own. */
export function shortfalls(counted, thresholds) {
  const faults = Object.entries(thresholds.least)
    .filter(([name, number]) => !(counted.counts[name]?.passed >= number))
    .map(([name, number]) => `${name}: ${counted.counts[name]?.passed} passed, and ${number} have to`);
  return [...faults, ...unexplained(counted, thresholds).map(({ id, reason }) => `${id} fails, and nothing explains it: ${reason}`)];
}

/** The failures that count, and that nothing explains. */
export function unexplained({ failures }, { explained }) {
  return failures.filter((failure) => (failure.kind !== "check" || COUNTS.cdn(failure)) && !(failure.id in explained));
}

/** The tests whose failures are explained, and which pass. */
export function needless({ failures }, { explained }) {
  const failing = new Set(failures.map(({ id }) => id));
  return Object.keys(explained).filter((id) => !failing.has(id));
}
