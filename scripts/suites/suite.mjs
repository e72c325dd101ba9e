import { colour, seconds, showError } from "../terminal/progress.mjs";

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {number} [skipped]
 */

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {() => Promise<Counts>} run
 */

/** @typedef {Counts & { name: string, took: number }} Result */

/**
 * A suite with one test: passed unless the work throws.
 *
 * @param {string} name
 * @param {() => Promise<unknown>} work
 * @returns {Suite}
 */
export function singleSuite(name, work) {
  return {
    name,
    run: () =>
      work().then(
        () => ({ passed: 1, failed: 0 }),
        (error) => {
          showError(error);
          return { passed: 0, failed: 1 };
        },
      ),
  };
}

/** @param {Suite} suite */
export async function runSuite({ name, run }) {
  console.log(`\n${colour(1, name)}`);
  const start = performance.now();
  const counts = await run();
  return { name, ...counts, took: performance.now() - start };
}

/**
 * One line per suite, then the total that `npm test` must end with.
 *
 * @param {readonly Result[]} results
 */
export function summary(results) {
  const width = Math.max(...results.map(({ name }) => name.length));
  const lines = results.map((result) => {
    const mark = result.failed === 0 ? colour(32, "✓") : colour(31, "✗");
    return `${mark} ${result.name.padEnd(width)}  ${seconds(result.took).padStart(8)}  ${counted(result)}`;
  });
  return ["", ...lines, "", counted(total(results))].join("\n");
}

/** @param {readonly Counts[]} results */
export function total(results) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped = 0 } of results) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  return sum;
}

/** @param {Counts} counts */
function counted({ passed, failed, skipped = 0 }) {
  const ran = `${passed} passed, ${failed} failed`;
  return skipped > 0 ? `${ran}, ${skipped} skipped` : ran;
}
