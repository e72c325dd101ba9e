import { availableParallelism } from "node:os";
import { capture } from "../terminal/processes.mjs";
import { step } from "../terminal/progress.mjs";
import { packagesWith } from "../workspace/packages.mjs";
import { environment, node } from "../workspace/toolchain.mjs";
import { checkFileLengths } from "./file-lengths.mjs";
import { checkPublishedPackages } from "./published-packages.mjs";

/**
 * @typedef {object} Check
 * @property {string} title
 * @property {() => Promise<unknown>} run throws if it finds a problem
 */

/**
 * Runs the checks, one per core at a time, and prints the findings of those that fail.
 *
 * @param {{ only?: readonly string[], verbose?: boolean }} [options]
 */
export async function runChecks({ only = [], verbose = false } = {}) {
  const queue = checks(verbose).filter(({ title }) => {
    return only.length === 0 || only.some((word) => title.includes(word));
  });
  if (queue.length === 0) throw new Error(`There is no check named ${only.join(" or ")}.`);
  const outcome = { passed: 0, failed: 0 };
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let check = queue.shift(); check; check = queue.shift()) {
        const passed = await step(check.title, check.run).then(
          () => true,
          () => false,
        );
        outcome[passed ? "passed" : "failed"]++;
      }
    }),
  );
  return outcome;
}

/**
 * The longest first, to keep all cores busy until the end.
 *
 * @param {boolean} verbose
 * @returns {Check[]}
 */
function checks(verbose) {
  return [
    { title: "published packages (build, publint, attw)", run: checkPublishedPackages },
    { title: "dead code and dependencies (knip)", run: () => capture("knip") },
    {
      title: "lint, format and layers (biome)",
      run: () => capture("biome", ["check", "--error-on-warnings", "."]),
    },
    { title: "types: scripts", run: () => capture("tsc", ["--project", "scripts/tsconfig.json"]) },
    ...packagesWith("typecheck").map(({ path, directory, scripts }) => ({
      title: `types: ${path}`,
      run: () =>
        capture(scripts.typecheck ?? "", [], { cwd: directory, env: environment(directory), shell: true }),
    })),
    {
      title: "generated files",
      run: () => capture(node, ["scripts/generate.ts", "--check"]),
    },
    { title: "file lengths", run: () => checkFileLengths({ verbose }) },
  ];
}
