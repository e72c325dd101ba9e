import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./toolchain.mjs";

/**
 * @typedef {object} Package
 * @property {string} name
 * @property {string} path from the root, for example `packages/core`
 * @property {string} directory absolute
 * @property {boolean} isPublic
 * @property {Record<string, string>} scripts
 */

/** Every package of the workspace, by path. */
export function workspacePackages() {
  return workspacePatterns()
    .flatMap(expand)
    .filter((path) => existsSync(join(root, path, "package.json")))
    .sort()
    .map(readPackage);
}

/** Packages that have an entry of this name under `scripts`. @param {string} script */
export function packagesWith(script) {
  return workspacePackages().filter(({ scripts }) => script in scripts);
}

/** The `packages:` list. Parsed by hand, because this runs before anything is installed. */
function workspacePatterns() {
  const text = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8");
  const list = /^packages:\n((?: +- .+\n)+)/m.exec(text)?.[1];
  if (!list) throw new Error("pnpm-workspace.yaml has no list under `packages:`");
  return [...list.matchAll(/- ["']?([^"'\n]+)/g)].map(([, pattern]) => String(pattern));
}

/** @param {string} pattern a path, or a path that ends in `/*` */
function expand(pattern) {
  if (!pattern.endsWith("/*")) return [pattern];
  const parent = pattern.slice(0, -"/*".length);
  if (!existsSync(join(root, parent))) return [];
  return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
}

/**
 * @param {string} path
 * @returns {Package}
 */
function readPackage(path) {
  const directory = join(root, path);
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  return {
    name: manifest.name,
    path,
    directory,
    isPublic: manifest.private !== true,
    scripts: manifest.scripts ?? {},
  };
}
