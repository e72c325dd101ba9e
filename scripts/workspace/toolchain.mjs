import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * The Node that the workspace installs, whatever the machine has. This is the program itself, because the shell script
 * in `.bin` doesn't forward signals.
 */
export const node = join(root, "node_modules/node/bin/node");

/** The pnpm that the workspace installs. `npx` would take two seconds per call. */
export const pnpm = join(root, "node_modules/pnpm/bin/pnpm.cjs");

/** The version pinned by `packageManager`, for the first install. */
export function pinnedPnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return String(packageManager);
}

/**
 * The environment for a package's own tools and scripts.
 *
 * @param {string} [directory] the package's
 */
export function environment(directory = root) {
  const tools = [
    join(root, "node_modules/node/bin"),
    join(directory, "node_modules/.bin"),
    join(root, "node_modules/.bin"),
  ];
  return { ...process.env, PATH: [...tools, process.env.PATH].join(delimiter) };
}
