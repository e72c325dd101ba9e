import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { capture } from "../terminal/processes.mjs";
import { workspacePackages } from "../workspace/packages.mjs";
import { environment, node, pnpm } from "../workspace/toolchain.mjs";

/**
 * @typedef {object} PackedPackage
 * @property {string} tarball
 * @property {readonly string[]} entries import paths, for example `@org/queue/testing`
 * @property {readonly string[]} optionalPeers
 */

/**
 * Packs every public package like `pnpm publish`: applies `publishConfig` and resolves workspace versions.
 *
 * @param {string} directory
 * @returns {Promise<PackedPackage[]>}
 */
export function packPublicPackages(directory) {
  const packages = workspacePackages().filter(({ isPublic }) => isPublic);
  return Promise.all(
    packages.map(async ({ path, directory: cwd }) => {
      const destination = join(directory, path);
      await mkdir(destination, { recursive: true });
      await capture(node, [pnpm, "pack", "--pack-destination", destination], { cwd, env: environment(cwd) });
      const [file = ""] = await readdir(destination);
      const manifest = JSON.parse(await readFile(join(cwd, "package.json"), "utf8"));
      return { tarball: join(destination, file), ...describe(manifest) };
    }),
  );
}

/** @param {any} manifest */
function describe({ name, exports, peerDependenciesMeta = {} }) {
  const entries = Object.keys(exports)
    .filter((path) => path !== "./package.json")
    .map((path) => path.replace(/^\./, name));
  const optionalPeers = Object.keys(peerDependenciesMeta).filter(
    (peer) => peerDependenciesMeta[peer].optional,
  );
  return { entries, optionalPeers };
}
