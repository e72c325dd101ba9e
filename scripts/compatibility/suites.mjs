import { join } from "node:path";
import { runVitest } from "../suites/package-suite.mjs";
import { passThrough } from "../terminal/processes.mjs";
import { environment, node, root } from "../workspace/toolchain.mjs";

const CORE = join(root, "packages/core");

/**
 * @typedef {object} CompatibilitySuite
 * @property {string} title
 * @property {(env: NodeJS.ProcessEnv) => Promise<{ passed: number, failed: number }>} run
 */

/**
 * The suites to run on a kind of server.
 *
 * @param {"redis" | "postgres"} kind
 * @param {{ sequences: number, runs: number }} counts
 * @returns {readonly CompatibilitySuite[]}
 */
export function suitesOf(kind, { sequences, runs }) {
  if (kind === "postgres") {
    // PGlite contains its own Postgres.
    const run = (/** @type {NodeJS.ProcessEnv} */ env) => coreTests("test/postgres/ -t '^(?!.*PGlite)'", env);
    return [{ title: "Postgres suite", run }];
  }
  const engine = {
    title: "engine and conformance",
    run: (/** @type {NodeJS.ProcessEnv} */ env) =>
      coreTests("test/redis-", { ...env, QUEUE_PROPERTY_RUNS: String(sequences) }),
  };
  return runs === 0 ? [engine] : [engine, { title: "faults", run: (env) => faults(runs, env) }];
}

/**
 * @param {string} filter part of the test files' paths
 * @param {NodeJS.ProcessEnv} env
 */
function coreTests(filter, env) {
  return runVitest(`vitest run ${filter}`, { directory: CORE, env: { ...environment(CORE), ...env } });
}

/**
 * @param {number} runs
 * @param {NodeJS.ProcessEnv} env
 */
async function faults(runs, env) {
  const directory = join(root, "reliability");
  const args = ["--conditions=@org/source", "src/main.ts", "--runs", String(runs)];
  const code = await passThrough(node, args, { cwd: directory, env: { ...environment(directory), ...env } });
  return code === 0 ? { passed: runs, failed: 0 } : { passed: 0, failed: 1 };
}
