import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { passThrough } from "../terminal/processes.mjs";
import { inTemporaryDirectory } from "../workspace/temporary-directory.mjs";
import { environment } from "../workspace/toolchain.mjs";

/**
 * A package's `test` script, which is `vitest run` with options. Passes its output through, and reads the counts from a
 * report.
 *
 * @param {import("../workspace/packages.mjs").Package} workspacePackage
 * @returns {import("./suite.mjs").Suite}
 */
export function packageSuite({ path, directory, scripts }) {
  return {
    name: path,
    run: () => runVitest(scripts.test ?? "vitest run", { directory, env: environment(directory) }),
  };
}

/**
 * @param {string} line for the shell
 * @param {{ directory: string, env: NodeJS.ProcessEnv }} where
 */
export function runVitest(line, { directory, env }) {
  return inTemporaryDirectory(async (temporary) => {
    const report = join(temporary, "report.json");
    const reporters = `--reporter=default --reporter=json --outputFile.json='${report}'`;
    const code = await passThrough(`${line} ${reporters}`, [], { cwd: directory, env, shell: true });
    const counts = await readCounts(report);
    // A run can fail without a failed test: no test file, or an uncaught error.
    return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
  });
}

/** @param {string} file written by Vitest's JSON reporter, missing if Vitest failed earlier */
async function readCounts(file) {
  try {
    const report = JSON.parse(await readFile(file, "utf8"));
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + report.testResults.filter(didNotLoad).length,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 0 };
  }
}

/** @param {{ status: string, assertionResults: readonly { status: string }[] }} file */
function didNotLoad({ status, assertionResults }) {
  return status === "failed" && !assertionResults.some((test) => test.status === "failed");
}
