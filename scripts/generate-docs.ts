import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { errorsPage } from "./docs/errors.ts";
import type { Page } from "./docs/page.ts";
import { stateMachinePage } from "./docs/state-machine.ts";

const HELP = `npm run docs:generate [-- --check]

Writes the pages of docs/ that come from the code. With --check it writes nothing, and fails when a page
differs from what it would write.`;

const pages: readonly Page[] = [stateMachinePage, errorsPage];
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
  for (const { path, source } of stale) console.error(`${path} doesn't say what ${source} does.`);
  console.error("Run `npm run docs:generate` and commit the result.");
  process.exitCode = 1;
}

function textOf(page: Page): string {
  return `<!-- Generated from ${page.source} by \`npm run docs:generate\`. Edit that file instead. -->\n\n${page.render()}`;
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
