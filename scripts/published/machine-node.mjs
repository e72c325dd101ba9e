import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "../workspace/toolchain.mjs";

/**
 * The Node that a user of this machine would run, with its environment: nothing of this workspace is on its
 * PATH, and none of the settings that npm and the workspace's scripts pass on to what they start.
 */
export function machineNode() {
  const directories = (process.env.PATH ?? "").split(delimiter).filter((directory) => {
    return directory !== "" && !directory.startsWith(root) && !directory.includes("node_modules");
  });
  const executable = directories.map((directory) => join(directory, "node")).find(isExecutable);
  if (!executable) throw new Error("There is no Node on the PATH beside the workspace's own.");
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
