import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Directories that a build doesn't read, or writes itself. */
const IGNORED = new Set(["node_modules", "dist", "test", "coverage"]);

/**
 * A hash over the names and contents of files and directories. Not over times, because a clone or a branch switch
 * touches unchanged files, and reading a whole package takes milliseconds.
 *
 * @param {readonly string[]} paths may be missing, which counts as content
 */
export function fingerprint(paths) {
  const hash = createHash("sha256");
  for (const path of paths) add(path);
  return hash.digest("hex");

  /** @param {string} path */
  function add(path) {
    hash.update(`${path}\0`);
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) if (!IGNORED.has(name)) add(join(path, name));
    } else {
      hash.update(readFileSync(path));
    }
  }
}
