import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { capture } from "../terminal/processes.mjs";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Extracts a server's packages and the libraries of their release into a directory. Nothing is installed, and the apt
 * lists of the machine don't change. The server runs on the libc of its release, whatever the machine has.
 *
 * @param {"bookworm-backports" | "trixie"} suite
 * @param {readonly string[]} packages
 */
export function fromDebian(suite, packages) {
  /** @param {string} directory */
  return async (directory) => {
    if (!existsSync(KEYRING))
      throw new Error("This server is extracted from Debian packages. Run this on Debian.");
    await download(directory, suite, [...packages, ...LIBRARIES[suite]]);
    const root = join(directory, "root");
    for (const file of await readdir(join(directory, "packages"))) {
      await capture("dpkg", ["-x", join(directory, "packages", file), root]);
    }
    return writeProgram(directory, root, packages[0] ?? "");
  };
}

const SHARED = ["libatomic1", "libc6", "libcap2", "libgcc-s1", "libjemalloc2", "liblzf1", "libstdc++6"];

/** The libraries that the servers link, and their dependencies. */
const LIBRARIES = {
  "bookworm-backports": [
    ...SHARED,
    ...["libssl3", "libsystemd0", "liblz4-1", "liblzma5", "libzstd1", "libgcrypt20", "libgpg-error0"],
  ],
  trixie: [...SHARED, "libssl3t64", "libsystemd0", "libzstd1", "zlib1g"],
};

/**
 * @param {string} directory
 * @param {string} suite
 * @param {readonly string[]} packages
 */
async function download(directory, suite, packages) {
  const [lists, cache, target] = ["lists", "cache", "packages"].map((name) => join(directory, name));
  for (const folder of [
    join(lists ?? "", "partial"),
    join(cache ?? "", "archives", "partial"),
    target ?? "",
  ]) {
    await mkdir(folder, { recursive: true });
  }
  const sources = join(directory, "sources.list");
  const suites = suite.endsWith("-backports") ? [suite, suite.replace("-backports", "")] : [suite];
  const line = (/** @type {string} */ name) =>
    `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${name} main\n`;
  await writeFile(sources, suites.map(line).join(""));
  const options = [
    "-qq",
    ...["-o", `Dir::Etc::sourcelist=${sources}`, "-o", "Dir::Etc::sourceparts=/dev/null"],
    ...[
      "-o",
      `Dir::State::lists=${lists}`,
      "-o",
      `Dir::Cache=${cache}`,
      "-o",
      "Dir::State::status=/dev/null",
    ],
    // apt's sandbox user couldn't write to the directory.
    ...["-o", "APT::Sandbox::User="],
  ];
  await capture("apt-get", [...options, "update"]);
  // A package has the same name in a release and its backports. Pin the newer version from the backports.
  const wanted = suites.length === 1 ? packages : packages.map((name) => pinned(name, suite));
  await capture("apt-get", [...options, "download", ...wanted], { cwd: target ?? directory });
}

/**
 * @param {string} name
 * @param {string} suite
 */
function pinned(name, suite) {
  return name.startsWith("valkey") ? `${name}/${suite}` : name;
}

/**
 * Writes a `redis-server` that runs the extracted program with the extracted libraries.
 *
 * @param {string} directory
 * @param {string} root
 * @param {string} program
 */
async function writeProgram(directory, root, program) {
  const files = await readdir(root, { recursive: true });
  const loader = files.find(
    (file) => /(^|\/)ld-linux[^/]*\.so\.\d$/.test(file) && !file.includes("-linux-gnu/"),
  );
  const libraries = files
    .filter((file) => /(^|\/)lib\/[^/]+-linux-gnu$/.test(file))
    .map((file) => join(root, file));
  if (loader === undefined) throw new Error(`The packages of ${program} have no loader of programs.`);
  const programs = join(directory, "programs");
  await mkdir(programs);
  const file = join(programs, "redis-server");
  const run = `exec '${join(root, loader)}' --library-path '${libraries.join(":")}' '${join(root, "usr/bin", program)}' "$@"`;
  await writeFile(file, `#!/bin/sh\n${run}\n`);
  await chmod(file, 0o755);
  return programs;
}
