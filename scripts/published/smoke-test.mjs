import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildIfChanged } from "../bootstrap.mjs";
import { CommandFailure, capture } from "../terminal/processes.mjs";
import { step } from "../terminal/progress.mjs";
import { inTemporaryDirectory } from "../workspace/temporary-directory.mjs";
import { node } from "../workspace/toolchain.mjs";
import { machineNode } from "./machine-node.mjs";
import { packPublicPackages } from "./pack.mjs";
import { readmeExample } from "./readme-example.mjs";

/**
 * Tests a newcomer's first steps with the packed packages and the machine's own Node: an empty project, an install, the
 * README's first example, and the worker, the command and a job by the worker's README. Users may have an older Node than development, and this shows that it works.
 */
export async function smokeTestPackedPackages() {
  const { executable, version, env } = machineNode();
  const example = readmeExample("README.md");
  const config = readmeExample("packages/worker/README.md");
  await buildIfChanged();
  await inTemporaryDirectory(async (directory) => {
    const packages = await step("packing", () => packPublicPackages(join(directory, "tarballs")));
    const project = await createProject(join(directory, "project"), example);
    await step("installing the tarballs in an empty project", () => {
      const tarballs = packages.map(({ tarball }) => tarball);
      return capture("npm", ["install", "--no-audit", "--no-fund", ...tarballs, "zod"], {
        cwd: project,
        env,
      });
    });
    await step(`importing every entry on Node ${version}`, async () => {
      for (const { entries, optionalPeers } of packages) {
        for (const entry of entries) await importEntry(entry, optionalPeers);
      }
    });
    await step("type-checking the README's first example", () => capture("tsc", ["--project", project]));
    const printed = await step(`running it on Node ${version}`, () => {
      return capture(executable, ["example.js"], { cwd: project, env });
    });
    console.log(printed.trimEnd());
    await writeFile(join(project, "queue.config.ts"), config);
    const checked = await step(`checking the config of packages/worker on Node ${version}`, () => {
      const command = "node_modules/@org/queue-worker/bin/queue.js";
      return capture(executable, [command, "check"], {
        cwd: project,
        env: { ...env, QUEUE_ENGINE: "memory" },
      });
    });
    console.log(checked.trimEnd());
    await step("type-checking it", async () => {
      await writeFile(join(project, "tsconfig.json"), tsconfig("queue.config.ts"));
      await capture("tsc", ["--project", project]);
    });
    const job = await step(`running a worker and a job on Node ${version}`, async () => {
      await capture("npm", ["install", "--no-audit", "--no-fund", "ioredis"], { cwd: project, env });
      return capture(node, [
        "--conditions=@org/source",
        "scripts/published/first-job.ts",
        project,
        executable,
      ]);
    });
    console.log(job.trimEnd());

    /**
     * @param {string} entry
     * @param {readonly string[]} optionalPeers missing in an empty project
     */
    async function importEntry(entry, optionalPeers) {
      const code = `await import(${JSON.stringify(entry)})`;
      try {
        await capture(executable, ["--input-type=module", "--eval", code], { cwd: project, env });
      } catch (error) {
        const output = error instanceof CommandFailure ? error.output : "";
        const isExplained = optionalPeers.some((peer) => output.includes(`Cannot find package '${peer}'`));
        if (!isExplained) throw error;
      }
    }
  });
}

/**
 * @param {string} directory
 * @param {string} example
 */
async function createProject(directory, example) {
  await mkdir(directory);
  await writeFile(join(directory, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await writeFile(join(directory, "example.ts"), example);
  await writeFile(join(directory, "tsconfig.json"), tsconfig("example.ts"));
  return directory;
}

/** @param {string} file */
function tsconfig(file) {
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    strict: true,
    noEmit: file === "queue.config.ts",
    // Tests the packages' own declarations too.
    skipLibCheck: false,
    // As in a project that has no more than what the README installs.
    types: [],
  };
  return JSON.stringify({ compilerOptions, files: [file] });
}
