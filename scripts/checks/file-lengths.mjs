import { readFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "../terminal/processes.mjs";
import { root } from "../workspace/toolchain.mjs";

const SOURCES = ["ts", "tsx", "mts", "js", "mjs", "lua", "sql", "py", "sh", "css"];
/** Longer files do more than one thing. */
const MAX_LINES = 500;
const LONG = 250;

/** @param {{ verbose: boolean }} options */
export async function checkFileLengths({ verbose }) {
  const patterns = SOURCES.map((extension) => `*.${extension}`);
  // Includes uncommitted files, but not those that Git ignores.
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

  if (verbose) report(lengths.filter(({ lines }) => lines > LONG && lines <= MAX_LINES));
  const tooLong = lengths.filter(({ lines }) => lines > MAX_LINES);
  if (tooLong.length === 0) return;
  const list = tooLong.map(({ path, lines }) => `  ${path}: ${lines}`).join("\n");
  throw new Error(`No source file may be longer than ${MAX_LINES} lines:\n${list}`);
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
