import { bootstrap } from "./bootstrap.mjs";
import { runChecks } from "./checks/run-checks.mjs";
import { smokeTestPackedPackages } from "./published/smoke-test.mjs";
import { packageSuite } from "./suites/package-suite.mjs";
import { runSuite, singleSuite, summary, total } from "./suites/suite.mjs";
import { command } from "./terminal/command.mjs";
import { capture } from "./terminal/processes.mjs";
import { step } from "./terminal/progress.mjs";
import { packagesWith } from "./workspace/packages.mjs";
import { node } from "./workspace/toolchain.mjs";

const HELP = `npm test [-- NAME …]

Installs and builds what is missing, gets the servers that tests need (see packages/test-servers), then runs
the checks, every package's suite, and the smoke test of the packed packages. With names, only the suites
whose name contains one of them: npm test -- core

The last line is "N passed, N failed". Each check and each smoke test counts as one.`;

await command(HELP, async () => {
  const words = process.argv.slice(2);
  const chosen = suites().filter(
    ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
  );
  if (chosen.length === 0) throw new Error(`There is no suite named ${words.join(" or ")}.`);

  let interrupted = false;
  process.on("SIGINT", () => {
    interrupted = true;
  });

  const results = [];
  const setup = await singleSuite("setup", bootstrap).run();
  if (setup.failed > 0) results.push({ name: "setup", ...setup, took: 0 });
  else {
    for (const suite of chosen) {
      // Ctrl-C also ends the running suite. Don't start another one.
      if (!interrupted) results.push(await runSuite(suite));
    }
  }
  console.log(summary(results));
  return total(results).failed === 0 ? 0 : 1;
});

function suites() {
  return [
    { name: "checks", run: runChecks },
    singleSuite("servers", ensureServers),
    ...packagesWith("test").map(packageSuite),
    singleSuite("packed packages", smokeTestPackedPackages),
  ];
}

/** So that installing servers doesn't count towards the timeout of a test. */
async function ensureServers() {
  const found = await step("starting Redis and Postgres once", () => {
    return capture(node, ["packages/test-servers/src/ensure.ts"]);
  });
  console.log(found.trimEnd());
}
