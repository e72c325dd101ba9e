import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "../workspace/toolchain.mjs";

/**
 * The Node that a user of this machine would run, and its environment: without this workspace on its PATH, and without
 * the settings that npm and the workspace's scripts pass to child processes.
 */
export function machineNode() {
  const directories = (process.env.PATH ?? "").split(delimiter).filter((directory) => {
    return directory !== "" && !directory.startsWith(root) && !directory.includes("node_modules");
  });
  const executable = directories.map((directory) => join(directory, "node")).find(isExecutable);
  if (!executable) throw new Error("The PATH has no Node besides the workspace's own. Install Node.");
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_PATH$|NODE_OPTIONS$)/i.test(name),
  );
  return {
    executable,
    version: execFileSync(executable, ["--version"], { encoding: "utf8" }).trim(),
    env: {
      ...Object.fromEntries(inherited),
      PATH: directories.join(delimiter),
      npm_config_loglevel: "error",
    },
  };
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
