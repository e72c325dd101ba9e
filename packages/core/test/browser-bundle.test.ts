import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { type BuildResult, build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const source = join(root, "src");

describe("the contract in a browser", () => {
  let result: BuildResult<{ metafile: true; write: false }>;

  beforeAll(async () => {
    // For browsers esbuild refuses what it can't resolve there, Node's own modules among it.
    result = await build({
      entryPoints: [join(source, "contract/index.ts")],
      bundle: true,
      write: false,
      minify: true,
      metafile: true,
      platform: "browser",
      format: "iife",
      globalName: "contract",
      absWorkingDir: root,
      logLevel: "silent",
    });
  });

  test("contains no Node built-in and nothing of the runtime", () => {
    const rooms = new Set(
      Object.keys(result.metafile.inputs)
        .filter((path) => path.startsWith("src/"))
        .map((path) => path.split("/")[1]),
    );
    expect([...rooms].sort()).toEqual(["contract", "errors", "logging"]);
    const imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports);
    expect(imports).toEqual([]);
  });

  test("is small", () => {
    const own = Object.entries(Object.values(result.metafile.outputs)[0]!.inputs)
      .filter(([path]) => path.startsWith("src/"))
      .reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0);
    const whole = gzipSync(result.outputFiles[0]!.contents).length;
    // Measured: 22.9 KB of our own, minified; 17.2 KB for all, Zod's core included, compressed.
    expect(own).toBeLessThan(24_000);
    expect(whole).toBeLessThan(17_700);
  });

  test("is smaller for a client that only defines messages", async () => {
    const { outputFiles } = await build({
      stdin: { contents: `export { defineMessage } from "./contract/index.ts";`, resolveDir: source },
      bundle: true,
      write: false,
      minify: true,
      platform: "browser",
      format: "esm",
    });
    // Measured: 12.1 KB, Zod's core included, compressed.
    expect(gzipSync(outputFiles[0]!.contents).length).toBeLessThan(12_600);
  });

  test("runs where there is nothing but the language and TextEncoder", () => {
    const script = `
      const data = { "~standard": { version: 1, vendor: "example", validate: (value) => ({ value }) } };
      const message = contract.defineMessage("PLAN", { data, timeout: "15m" });
      const registry = contract.createRegistry([message]);
      let code;
      try {
        contract.parseEnvelope("{}", { data: 100, metadata: 100 });
      } catch (error) {
        code = contract.isQueueError(error) && error.code;
      }
      [registry.get("PLAN").timeout, registry.queues[0], code].join(" ");
    `;
    const outcome = runInNewContext(`${result.outputFiles[0]!.text}; ${script}`, { TextEncoder });
    expect(outcome).toBe("900000 default INVALID_DATA");
  });
});

/** The files of our own, beyond contracts and errors, that a browser loads for some exports of the package. */
async function ownFilesFor(names: string): Promise<readonly string[]> {
  const { metafile } = await build({
    stdin: { contents: `export { ${names} } from "./index.ts";`, resolveDir: source },
    bundle: true,
    write: false,
    minify: true,
    metafile: true,
    platform: "browser",
    format: "esm",
    absWorkingDir: root,
    external: ["ioredis"],
  });
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  return used
    .filter((path) => path.startsWith("src/") && !/^src\/(contract|errors|logging)\//.test(path))
    .sort();
}

test("what reads snapshots in a browser brings no queue, worker or engine along", async () => {
  expect(await ownFilesFor("fromWire, reportFromWire")).toEqual([
    "src/queue/read/job-snapshot.ts",
    "src/queue/read/wire-snapshot.ts",
  ]);
});

test("what reads queries in a browser brings no queue, worker or engine along", async () => {
  const files = await ownFilesFor("parseJobQuery, formatJobQuery, JOB_QUERY_QUALIFIERS");
  expect(files.filter((path) => !path.startsWith("src/queue/query/"))).toEqual([
    "src/engine/state-machine.ts",
  ]);
});

/** Which rooms of `src` a room may use at run time. Types may come from anywhere inside `src`. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  logging: ["errors"],
  contract: ["errors", "logging"],
  "json-schema": ["contract", "errors"],
  timing: ["errors"],
  engine: ["errors", "timing"],
  memory: ["contract", "engine", "errors", "logging", "timing"],
  middleware: ["errors"],
  queue: ["contract", "engine", "errors", "logging", "memory", "middleware", "timing"],
  worker: ["contract", "engine", "errors", "logging", "middleware", "queue", "timing"],
};

/** What a room may use from outside. */
const PACKAGES: Readonly<Record<string, readonly RegExp[]>> = {
  contract: [/^zod\/mini$/, /^zod\/v4\/core$/, /^@standard-schema\/spec$/],
  "json-schema": [/^zod\/mini$/, /^zod\/v4\/core$/],
  logging: [/^zod\/mini$/],
  memory: [/^zod\/mini$/],
  queue: [/^zod\/mini$/],
  worker: [/^zod\/mini$/],
};

interface Import {
  readonly from: string;
  readonly isType: boolean;
}

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^;]*?\sfrom\s+)?"([^"]+)";/gm)].map(
    ([, type, from]) => ({ from: from!, isType: type !== undefined }),
  );
}

function filesOf(room: string): readonly string[] {
  return readdirSync(join(source, room), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(source, room, name));
}

describe("the rooms of the package", () => {
  test.each(Object.keys(MAY_USE))("%s uses only what it may", (room) => {
    for (const file of filesOf(room)) {
      for (const { from, isType } of importsOf(file)) {
        const what = `${relative(source, file)} imports ${from}`;
        if (!from.startsWith(".")) {
          const allowed = (PACKAGES[room] ?? []).some((pattern) => pattern.test(from));
          expect(allowed, what).toBe(true);
        } else if (!isType) {
          const [target] = relative(source, resolve(file, "..", from)).split("/");
          expect([room, ...MAY_USE[room]!], what).toContain(target);
        }
      }
    }
  });

  test("the check sees imports of every form", () => {
    const found = importsOf(join(source, "contract/index.ts")).map(({ from }) => from);
    expect(found).toContain("./duration.ts");
    expect(found).toContain("../errors/index.ts");
    expect(importsOf(join(source, "queue/known-queue.ts"))).toContainEqual({
      from: "../engine/engine.ts",
      isType: true,
    });
  });
});
