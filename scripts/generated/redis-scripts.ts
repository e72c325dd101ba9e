import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { Page } from "./page.ts";

/**
 * What follows the base is a function, in whose functions the base's locals are upvalues of upvalues. Lua finds each
 * captured local by walking all that were captured before it, which took 8 percent of a single send.
 */
const BASE = "lib/base";
const OPEN = "return (function()";
const CLOSE = "end)()";

const LUA = new URL("../../packages/core/src/redis/lua/", import.meta.url);

/** The redis engine's Lua as TypeScript: nothing reads files at run time. */
export const redisScriptsPage: Page = {
  path: "packages/core/src/redis/scripts.ts",
  source: "packages/core/src/redis/lua",
  render() {
    const included = new Set(luaFiles("").flatMap(includesOf));
    const parts = luaFiles("lib/").flatMap((name) => {
      if (!included.has(`lib/${name}`)) return [];
      return `const ${nameOf(name)}Part =\n  ${JSON.stringify(codeOf(`lib/${name}`).join("\n"))};`;
    });
    return `import type { Script } from "./connection/script.ts";

// What several scripts include, once.
${parts.join("\n")}

export const scripts = {
${luaFiles("").map(renderScript).join("\n")}
} as const satisfies Record<string, Script>;
`;
  },
};

function renderScript(name: string): string {
  const pieces = [
    ...includesOf(name).flatMap((include) => [
      { code: codeOf(include), source: `${nameOf(include.replace("lib/", ""))}Part` },
      ...(include === BASE ? [{ code: [OPEN], source: JSON.stringify(OPEN) }] : []),
    ]),
    { code: codeOf(name), source: JSON.stringify(codeOf(name).join("\n")) },
    { code: [CLOSE], source: JSON.stringify(CLOSE) },
  ];
  const text = pieces.flatMap(({ code }) => code).join("\n");
  const sha = createHash("sha1").update(text).digest("hex");
  const sources = pieces.map(({ source }) => source).join(", ");
  return `  ${nameOf(name)}: {\n    name: "${name}",\n    sha: "${sha}",\n    text: [${sources}].join("\\n"),\n  },`;
}

function luaFiles(folder: string): readonly string[] {
  return readdirSync(new URL(`./${folder}`, LUA))
    .filter((name) => name.endsWith(".lua"))
    .map((name) => name.slice(0, -".lua".length))
    .sort();
}

function linesOf(name: string): readonly string[] {
  return readFileSync(new URL(`${name}.lua`, LUA), "utf8").split("\n");
}

/** What a script names in its `-- @include` lines at its head, in their order. */
function includesOf(name: string): readonly string[] {
  return linesOf(name).flatMap((line) => /^-- @include (\S+)$/.exec(line)?.[1] ?? []);
}

/** A file without comments, blank lines and indents. An include inside of something stands for its file. */
function codeOf(name: string): readonly string[] {
  return linesOf(name).flatMap((line) => {
    const nested = /^ +-- @include (\S+)$/.exec(line)?.[1];
    if (nested !== undefined) return codeOf(nested);
    return /^\s*(--.*)?$/.test(line) ? [] : [line.trim()];
  });
}

function nameOf(file: string): string {
  return file.replace(/-./g, (dash) => dash.slice(1).toUpperCase());
}
