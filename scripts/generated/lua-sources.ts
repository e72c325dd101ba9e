import { readdirSync, readFileSync } from "node:fs";

/** One Lua file of the redis engine. */
export interface LuaSource {
  /** Its path below the folder, without `.lua`. */
  readonly name: string;
  /** Its lines without comments, constants, blank ones and indents. A file that belongs inside is named instead. */
  readonly lines: readonly (string | { readonly inner: string })[];
  /** The part that comes first in the script, which all others see. */
  readonly base: string;
  /** The parts that it names at its head. */
  readonly includes: readonly string[];
  /** Its constants, each as Lua writes it: numbers and texts of its own, and what it imports from TypeScript. */
  readonly constants: ReadonlyMap<string, string>;
  /** Names that it declares for the files that include it. */
  readonly exports: ReadonlySet<string>;
  /** Names that it declares anywhere. */
  readonly declared: ReadonlySet<string>;
  /** Names that it uses. */
  readonly used: ReadonlySet<string>;
}

export type LuaSources = ReadonlyMap<string, LuaSource>;

const NAME = /(?<![\w:]|(?<!\.)\.)[A-Za-z_]\w*/g;
const TEXT = /'(?:[^'\\]|\\.)*'/;
const COMMENT_OR_TEXT = new RegExp(`--.*|${TEXT.source}`, "g");
const CONSTANT = new RegExp(`^local ([A-Z][A-Z_]+) = (-?\\d+|${TEXT.source})$`, "gm");
const BASE = "lib/base";
const IMPORT = /^-- @import (.+) from (\S+)$/gm;

/** Every Lua file below a folder, by name. `root`: the folder that imports from TypeScript begin at. */
export async function readLuaSources(folder: URL, root: URL): Promise<LuaSources> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".lua"),
  );
  const names = files.map((file) => file.slice(0, -".lua".length).replaceAll("\\", "/")).sort();
  const sources = new Map<string, LuaSource>();
  for (const name of names) {
    sources.set(name, await parseLua(name, readFileSync(new URL(`${name}.lua`, folder), "utf8"), root));
  }
  return sources;
}

/** A file in a folder that is named like another file belongs inside that one: its name, else `undefined`. */
export function hostOf(name: string, sources: LuaSources): string | undefined {
  const folder = name.slice(0, Math.max(0, name.lastIndexOf("/")));
  return sources.has(folder) ? folder : undefined;
}

/** A line with constants in place of their names. */
export function withConstants(line: string, constants: ReadonlyMap<string, string>): string {
  const replace = (code: string) => code.replaceAll(NAME, (name) => constants.get(name) ?? name);
  const parts = line.split(new RegExp(`(${TEXT.source})`));
  return parts.map((part, index) => (index % 2 === 0 ? replace(part) : part)).join("");
}

async function parseLua(name: string, text: string, root: URL): Promise<LuaSource> {
  const own = [...text.matchAll(CONSTANT)].map(([, constant, value]) => [constant!, value!] as const);
  const imported = [...text.matchAll(IMPORT)].map(([, list, path]) =>
    importOf(list!.split(", "), path!, root),
  );
  const constants = new Map([...own, ...(await Promise.all(imported)).flat()]);
  const code = text.replaceAll(COMMENT_OR_TEXT, " ");
  return {
    name,
    lines: text.replaceAll(CONSTANT, "").split("\n").flatMap(parseLine),
    base: /^-- @base (\S+)$/m.exec(text)?.[1] ?? BASE,
    includes: [...text.matchAll(/^-- @include (\S+)$/gm)].map(([, include]) => include!),
    constants,
    exports: new Set([...constants.keys(), ...namesIn(code, /^local (?:function )?(\w+(?:, \w+)*)/gm)]),
    declared: new Set([
      ...constants.keys(),
      ...namesIn(code, /\blocal (?:function )?(\w+(?:,\s+\w+)*)/g),
      ...namesIn(code, /\bfor (\w+(?:, \w+)*) (?:in|=)/g),
      ...namesIn(code, /\bfunction\b[^(\n]*\((\w+(?:, \w+)*)/g),
    ]),
    used: new Set([...code.matchAll(NAME)].map(([used]) => used)),
  };
}

function parseLine(line: string): LuaSource["lines"] {
  const inner = /^ +-- @include (\S+)$/.exec(line)?.[1];
  if (inner !== undefined) return [{ inner }];
  return /^\s*(--.*)?$/.test(line) ? [] : [line.trim()];
}

function namesIn(code: string, pattern: RegExp): readonly string[] {
  return [...code.matchAll(pattern)].flatMap(([, list]) => list!.split(/,\s+/));
}

async function importOf(names: readonly string[], path: string, root: URL) {
  const values = (await import(new URL(`${path}.ts`, root).href)) as Readonly<Record<string, unknown>>;
  return names.map((name) => [name, luaLiteral(values[name], `${name} of ${path}`)] as const);
}

function luaLiteral(value: unknown, what: string): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return `'${value.replaceAll(/['\\]/g, "\\$&")}'`;
  if (Array.isArray(value)) return `{ ${value.map((each) => luaLiteral(each, what)).join(", ")} }`;
  throw new Error(`${what} can't be written as a Lua constant: it is ${typeof value}.`);
}
