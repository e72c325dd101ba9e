import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { errorsPage } from "./generated/errors.ts";
import { migrationsPage } from "./generated/migrations.ts";
import type { Page } from "./generated/page.ts";
import { redisScriptsPage } from "./generated/redis-scripts.ts";
import { stateMachinePage } from "./generated/state-machine.ts";
import { versionPage } from "./generated/version.ts";

const HELP = `npm run generate [-- --check]

Writes the files that come from others: pages of docs/ from the code, the redis engine's scripts from its Lua
files, the migrations of Postgres from their SQL files. With --check it writes nothing, and fails when a file differs
from what it would write.`;

const pages: readonly Page[] = [stateMachinePage, errorsPage, redisScriptsPage, migrationsPage, versionPage];
const values = readOptions();

if (values.help) console.log(HELP);
else if (values.check) check();
else for (const page of pages) writeFileSync(fileOf(page), textOf(page));

function readOptions() {
  try {
    return parseArgs({ options: { help: { type: "boolean" }, check: { type: "boolean" } } }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}

function check(): void {
  const stale = pages.filter((page) => textOf(page) !== readIfThere(fileOf(page)));
  if (stale.length === 0) return;
  for (const { path, source } of stale) console.error(`${path} doesn't match ${source}.`);
  console.error("Run `npm run generate` and commit the result.");
  process.exitCode = 1;
}

function textOf(page: Page): string {
  const note = `Generated from ${page.source} by \`npm run generate\`. Edit the source instead.`;
  return `${page.path.endsWith(".md") ? `<!-- ${note} -->` : `// ${note}`}\n\n${page.render()}`;
}

function fileOf(page: Page): URL {
  return new URL(`../${page.path}`, import.meta.url);
}

function readIfThere(file: URL): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
