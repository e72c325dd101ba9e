import { readFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "../terminal/processes.mjs";
import { root } from "../workspace/toolchain.mjs";

const SOURCES = ["ts", "tsx", "mts", "js", "mjs", "lua", "sql", "py", "sh", "css"];
/** A file beyond this does more than one thing. */
const LIMIT = 500;
const WORTH_A_LOOK = 250;

/** @param {{ verbose: boolean }} options */
export async function checkFileLengths({ verbose }) {
  const patterns = SOURCES.map((extension) => `*.${extension}`);
  // Files that aren't committed yet count too; those that Git ignores don't.
  const listed = await capture("git", [
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
    ...patterns,
  ]);
  const lengths = listed
    .split("\n")
    .filter((path) => path !== "")
    .map((path) => ({ path, lines: countLines(path) }))
    .sort((a, b) => b.lines - a.lines);

  if (verbose) report(lengths.filter(({ lines }) => lines > WORTH_A_LOOK && lines <= LIMIT));
  const tooLong = lengths.filter(({ lines }) => lines > LIMIT);
  if (tooLong.length === 0) return;
  const list = tooLong.map(({ path, lines }) => `  ${path}: ${lines}`).join("\n");
  throw new Error(`No source file may be longer than ${LIMIT} lines:\n${list}`);
}

/** @param {readonly { path: string, lines: number }[]} files */
function report(files) {
  for (const { path, lines } of files) console.log(`  ${path} has ${lines} lines`);
}

/** @param {string} path */
function countLines(path) {
  try {
    return readFileSync(join(root, path), "utf8").split("\n").length - 1;
  } catch {
    return 0; // Removed, and the removal isn't committed.
  }
}
