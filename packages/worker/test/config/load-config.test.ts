import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { QueueError } from "@org/queue";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { openDefinitions, openQueue } from "../../src/config/open-config.ts";
import { runQueue } from "../support/run-queue.ts";
import { CONFIG, temporaryProject } from "../support/temporary-project.ts";

/** The message of the error, with the project's directory as `~`. */
const failure = async (files: Record<string, string>, path?: string): Promise<string> => {
  const cwd = temporaryProject(files);
  const error = await loadConfig({ cwd, path }).then(
    () => new Error("no error"),
    (thrown) => thrown,
  );
  expect(error).toMatchObject({ name: "CommandError", exitCode: 78 });
  return error.message.replaceAll(cwd, "~");
};

describe("a config is found", () => {
  test.each(["ts", "mts", "js", "mjs"])("as queue.config.%s, in a directory above", async (extension) => {
    const cwd = temporaryProject({ [`queue.config.${extension}`]: CONFIG.replace(": unknown", "") });
    mkdirSync(join(cwd, "src/deep"), { recursive: true });
    const { path, config } = await loadConfig({ cwd: join(cwd, "src/deep") });
    expect(path).toBe(join(cwd, `queue.config.${extension}`));
    expect(Object.keys(config)).toEqual(["queue", "handlers"]);
  });

  test("where --config says: a file, or a directory", async () => {
    const cwd = temporaryProject({
      "apps/web/queue.config.ts": CONFIG,
      "other.ts": CONFIG,
      "queue.config.ts": "throw 1",
    });
    expect((await loadConfig({ cwd, path: "apps/web" })).path).toBe(join(cwd, "apps/web/queue.config.ts"));
    expect((await loadConfig({ cwd, path: "other.ts" })).path).toBe(join(cwd, "other.ts"));
  });

  test("or it is told where one was expected", async () => {
    const names = "queue.config.ts (or .mts, .js, .mjs)";
    expect(await failure({})).toBe(
      `There is no ${names} in ~ or above it. Create one with \`export default defineConfig({ queue, handlers })\`, ` +
        "or name yours with --config FILE.",
    );
    expect(await failure({}, "x.ts")).toBe("There is no config at ~/x.ts, which --config names.");
    expect(await failure({ "a/b": "" }, "a")).toBe(`There is no ${names} in ~/a, which --config names.`);
    expect(await failure({ "queue.config.ts": CONFIG, "queue.config.mjs": CONFIG })).toBe(
      "~ has queue.config.ts and queue.config.mjs. Remove all but one, or name one with --config.",
    );
  });
});

describe("a config is loaded", () => {
  test("with the paths and the base URL of tsconfig.json, and of what it extends", async () => {
    const cwd = temporaryProject({
      "base/tsconfig.json": '{ "compilerOptions": { "baseUrl": "../app/src" } }',
      "app/tsconfig.json": `{
        // comments are allowed
        "extends": "../base/tsconfig.json",
        "compilerOptions": { "paths": { "@/*": ["./*"], "~handlers": ["./handlers.ts"] }, },
      }`,
      "app/src/queue.ts": CONFIG.replace("export default defineConfig(", "export const parts = (").replace(
        /import.*worker";/,
        "",
      ),
      "app/src/handlers.ts":
        'import { name } from "lib/name"; export const handlers = { [name]: async () => {} };',
      "app/src/lib/name.ts":
        'export enum Names { Mail = "MAIL" }\nexport const name: string = await Promise.resolve(Names.Mail);',
      "app/legacy.cjs": 'module.exports = { stopTimeout: require("./timeout.json").value };',
      "app/timeout.json": '{ "value": "3s" }',
      "app/queue.config.ts": `
        import { parts } from "@/queue";
        import { handlers } from "~handlers";
        import legacy from "./legacy.cjs";
        export default { ...parts, handlers, ...legacy };`,
    });
    const loaded = await loadConfig({ cwd: join(cwd, "app") });
    expect(loaded.config).toMatchObject({ stopTimeout: "3s", handlers: { MAIL: expect.any(Function) } });
    // Another copy of the package than the one of this test.
    const queue = await openQueue(loaded);
    expect(queue.registry.messages.map(({ name }) => name)).toEqual(["MAIL", "REPORT"]);
    await queue.close();
  });

  test.each([
    ["a promise", "export default Promise.resolve({ queue: () => {}, processes: 3 });"],
    ["a function", "export default async () => ({ queue: () => {}, processes: 3 });"],
    ["CommonJS", "module.exports = { queue: () => {}, processes: 3 };"],
  ])("from %s", async (_, source) => {
    const cwd = temporaryProject({ "queue.config.ts": source });
    expect((await loadConfig({ cwd })).config.processes).toBe(3);
  });
});

describe("a config that can't be loaded is told with its place:", () => {
  const hint = "Write: export default defineConfig({ queue, handlers })";
  const config = "~/queue.config.ts";
  test.each<[string, string | Record<string, string>, string]>([
    [
      "a syntax error",
      "export default {\n  queue: () => {,\n};",
      `${config}:2:16: syntax error: Unexpected token.`,
    ],
    [
      "a syntax error of a neighbour",
      { "queue.config.ts": 'import x from "./x";\nexport default x;', "x.ts": "const a = 1;\na b;" },
      "~/x.ts:2:1: syntax error: Missing semicolon.",
    ],
    [
      "a package that isn't installed",
      '\nimport { z } from "zodd";\nexport default { z };',
      `${config}:2: "zodd" isn't found. Install it, or add it to the \`paths\` of tsconfig.json.`,
    ],
    [
      "a neighbour that isn't there",
      'import { queue } from "./queue";\nexport default { queue };',
      `${config}:1: "./queue" isn't found. Check the path.`,
    ],
    [
      "a name that isn't exported",
      {
        "queue.config.ts": 'import { open } from "./x";\n\nexport default open();',
        "x.ts": "export const a = 1;",
      },
      `${config}:3: TypeError: open is not a function`,
    ],
    [
      "an error of the app",
      {
        "queue.config.ts": 'import "./x";\nexport default {};',
        "x.ts": "interface A {}\n\nthrow new RangeError('No\\nluck')",
      },
      "~/x.ts:3: RangeError: No\nluck",
    ],
    [
      "a rejection",
      'type A = 1;\nawait Promise.reject(new Error("late"));\nexport default {};',
      `${config}:2: late`,
    ],
    [
      "an error of the package",
      'import { engineFromEnv } from "@org/queue";\nexport default {\n  queue: engineFromEnv({ nme: 1 }) };',
      `${config}:3: engineFromEnv: unknown option "nme": the options are env, namespace, embeddedInProduction, logger`,
    ],
    ["null that was thrown", "throw null;", `${config}: it threw null, which isn't an error.`],
    ["nothing", "", `${config}: it has no default export. ${hint}`],
    ["no default export", "export const queue = 1;", `${config}: it has no default export. ${hint}`],
    [
      "a function that returns nothing",
      "export default () => {};",
      `${config}: its function returns nothing. ${hint}`,
    ],
    ["something else", "export default 5;", `${config}: it is 5: expected an object.`],
    [
      "a mistake in it",
      "export default {\n  queue: () => {},\n  handlers: {},\n  procesess: 2,\n};",
      `${config}:4: procesess is unknown. Did you mean processes?`,
    ],
    [
      "a tsconfig that extends nothing",
      { "queue.config.ts": "export default {};", "tsconfig.json": '{ "extends": "@none/tsconfig" }' },
      "The tsconfig.json of ~ can't be read: File '@none/tsconfig' not found.",
    ],
  ])("%s", async (_, files, message) => {
    expect(await failure(typeof files === "string" ? { "queue.config.ts": files } : files)).toBe(message);
  });

  test("also in a directory with spaces and brackets", async () => {
    const files = { "a (b) ü/queue.config.ts": 'const a: number = 1;\nthrow new Error("x");' };
    expect(await failure(files, "a (b) ü")).toBe("~/a (b) ü/queue.config.ts:2: x");
  });
});

describe("what functions of a config open", () => {
  const open = async (config: object, what: typeof openQueue | typeof openDefinitions) => {
    const source = { config: { queue: () => {}, ...config } as never, path: "/app/queue.config.ts" };
    return what(source).catch((error) => error);
  };

  test("is checked", async () => {
    expect(await open({}, openQueue)).toMatchObject({
      message:
        "/app/queue.config.ts: the function of queue returns undefined: expected a queue (createQueue).",
      exitCode: 78,
    });
    expect(await open({ handlers: () => {} }, openDefinitions)).toMatchObject({
      message: "/app/queue.config.ts: the function of handlers returns nothing.",
      exitCode: 78,
    });
    const workers = async () => [{ handlers: {}, lease: 1 }];
    expect(await open({ workers }, openDefinitions)).toMatchObject({
      message: expect.stringContaining("workers[0].lease is 1: expected a duration"),
    });
    const handlers = { MAIL: async () => {} };
    expect(await open({ handlers: () => handlers, worker: { lease: "9s" } }, openDefinitions)).toEqual([
      { handlers, lease: "9s" },
    ]);
    expect(await open({}, openDefinitions)).toEqual([]);
  });

  test("fails with its reason, and as it is when a repeat may mend it", async () => {
    const fail = (error: unknown) => ({ queue: () => Promise.reject(error) });
    expect(await open(fail(new TypeError("no pool")), openQueue)).toMatchObject({
      message: expect.stringMatching(/: TypeError: no pool$/),
      exitCode: 78,
    });
    const away = new QueueError("ENGINE_UNAVAILABLE", "Redis is away.");
    expect(await open(fail(away), openQueue)).toBe(away);
  });
});

describe(".env files next to the config", () => {
  const files = {
    ".env": "A=base\nB=base\nC=base\nD=$A-expanded",
    ".env.local": "B=local\nC=local",
    ".env.production": "E=production",
    ".env.development": "E=development",
  };
  const program = fileURLToPath(new URL("../programs/read-env-files.ts", import.meta.url));
  const run = (directory: string, env: Record<string, string>) =>
    runQueue([directory], { cwd: "/", program, env });

  test("are those that Next reads, and replace nothing", async () => {
    const directory = temporaryProject(files);
    const outputs = await Promise.all([
      run(directory, { NODE_ENV: "production" }),
      run(directory, { NODE_ENV: "development", C: "shell" }),
      run(directory, { NODE_ENV: "", __NEXT_PROCESSED_ENV: "true" }),
      run(directory, { NODE_ENV: "test" }),
    ]);
    expect(outputs.map(({ stdout, stderr }) => stderr + stdout)).toEqual([
      ",,,, base,local,local,base-expanded,production\n",
      ",,shell,, base,local,shell,base-expanded,development\n",
      ",,,, base,local,local,base-expanded,development\n",
      ",,,, base,base,base,base-expanded,\n",
    ]);
  });
});
