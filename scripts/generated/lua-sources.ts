import { readdirSync, readFileSync } from "node:fs";

/** One Lua file of the redis engine. */
export interface LuaSource {
  /** Its path below the folder, without `.lua`. */
  readonly name: string;
  /** Its lines without comments, blank ones and indents. Where another file belongs inside, its line says so. */
  readonly lines: readonly (string | { readonly inner: string })[];
  /** The parts that it names at its head. */
  readonly includes: readonly string[];
  /** Names that it declares for the files that include it. */
  readonly exports: ReadonlySet<string>;
  /** Names that it declares anywhere. */
  readonly declared: ReadonlySet<string>;
  /** Names that it uses. */
  readonly used: ReadonlySet<string>;
}

/** Every Lua file below a folder, by name. */
export function readLuaSources(folder: URL): ReadonlyMap<string, LuaSource> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".lua"),
  );
  const names = files.map((file) => file.slice(0, -".lua".length).replaceAll("\\", "/")).sort();
  return new Map(
    names.map((name) => [name, parseLua(name, readFileSync(new URL(`${name}.lua`, folder), "utf8"))]),
  );
}

/** A file in a folder that is named like another file belongs inside that one: its name, else `undefined`. */
export function hostOf(name: string, sources: ReadonlyMap<string, LuaSource>): string | undefined {
  const folder = name.slice(0, Math.max(0, name.lastIndexOf("/")));
  return sources.has(folder) ? folder : undefined;
}

function parseLua(name: string, text: string): LuaSource {
  const lines = text.split("\n").flatMap((line) => {
    const inner = /^ +-- @include (\S+)$/.exec(line)?.[1];
    if (inner !== undefined) return { inner };
    return /^\s*(--.*)?$/.test(line) ? [] : line.trim();
  });
  const code = text.replaceAll(/--.*|'(?:[^'\\]|\\.)*'/g, " ");
  return {
    name,
    lines,
    includes: [...text.matchAll(/^-- @include (\S+)$/gm)].map(([, include]) => include!),
    exports: new Set([...code.matchAll(/^local (?:function )?(\w+(?:, \w+)*)/gm)].flatMap(namesOf)),
    declared: new Set(
      [
        ...code.matchAll(/\blocal (?:function )?(\w+(?:,\s+\w+)*)/g),
        ...code.matchAll(/\bfor (\w+(?:, \w+)*) (?:in|=)/g),
        ...code.matchAll(/\bfunction\b[^(\n]*\((\w+(?:, \w+)*)/g),
      ].flatMap(namesOf),
    ),
    used: new Set([...code.matchAll(/(?<![\w:]|(?<!\.)\.)[A-Za-z_]\w*/g)].map(([used]) => used)),
  };
}

function namesOf([, list]: RegExpMatchArray): readonly string[] {
  return list!.split(/,\s+/);
}
