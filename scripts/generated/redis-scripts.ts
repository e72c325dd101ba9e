import { createHash } from "node:crypto";
import { checkIncludes, type LuaScript, linesOf, partsOf } from "./lua-includes.ts";
import { readLuaSources } from "./lua-sources.ts";
import type { Page } from "./page.ts";

/**
 * Every script begins with its base. What follows is a function, in whose functions the base's locals are upvalues of
 * upvalues. Lua finds each captured local by walking all that were captured before it, which took 8 percent of a
 * single send.
 */
const OPEN = "return (function()";
const CLOSE = "end)()";

const ROOT = new URL("../../packages/core/src/", import.meta.url);
const sources = await readLuaSources(new URL("redis/lua/", ROOT), ROOT);

/** The redis engine's Lua as TypeScript: nothing reads files at run time. */
export const redisScriptsPage: Page = {
  path: "packages/core/src/redis/scripts.ts",
  source: "packages/core/src/redis/lua",
  render() {
    const scripts = [...sources.values()]
      .filter(({ name }) => !name.includes("/"))
      .map(({ name, base }) => ({ name, base, parts: partsOf(name, base, sources) }));
    checkIncludes(sources, scripts);
    const code = (name: string) => linesOf(name, sources).join("\n");
    const included = [...new Set(scripts.flatMap(({ parts }) => parts))].sort();
    return `import type { Script } from "./connection/script.ts";

// What several scripts include, once.
${included.map((part) => `const ${nameOf(part)} =\n  ${JSON.stringify(code(part))};`).join("\n")}

export const scripts = {
${scripts.map((script) => renderScript(script, code)).join("\n")}
} as const satisfies Record<string, Script>;
`;
  },
};

function renderScript({ name, base, parts }: LuaScript, code: (name: string) => string): string {
  const pieces = [
    ...parts.flatMap((part) => [
      { text: code(part), source: nameOf(part) },
      ...(part === base ? [{ text: OPEN, source: JSON.stringify(OPEN) }] : []),
    ]),
    { text: code(name), source: JSON.stringify(code(name)) },
    { text: CLOSE, source: JSON.stringify(CLOSE) },
  ];
  const text = pieces.map((piece) => piece.text).join("\n");
  const sha = createHash("sha1").update(text).digest("hex");
  const sources = pieces.map(({ source }) => source).join(", ");
  return `  ${camelCase(name)}: {\n    name: "${name}",\n    sha: "${sha}",\n    text: [${sources}].join("\\n"),\n  },`;
}

/** Of a part's constant. */
function nameOf(part: string): string {
  return `${camelCase(part.replace("lib/", ""))}Part`;
}

function camelCase(file: string): string {
  return file.replace(/-./g, (dash) => dash.slice(1).toUpperCase());
}
