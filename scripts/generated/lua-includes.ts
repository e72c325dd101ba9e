import { hostOf, type LuaSource, type LuaSources, withConstants } from "./lua-sources.ts";

/** A script, and all parts that it is made of besides its own file, each behind those that it includes. */
export interface LuaScript {
  readonly name: string;
  readonly base: string;
  readonly parts: readonly string[];
}

/** The lines of a file, with the files that belong inside. */
export function linesOf(name: string, sources: LuaSources): readonly string[] {
  const placed = new Set<string>();
  const place = (inner: string, path: readonly string[]): readonly string[] => {
    if (path.includes(inner)) throw new Error(`Include cycle: ${[...path, inner].join(" → ")}.`);
    if (placed.has(inner)) return [];
    placed.add(inner);
    const source = sourceOf(inner, sources);
    const before = source.includes.filter((include) => hostOf(include, sources) === name);
    return [...before.flatMap((include) => place(include, [...path, inner])), ...lines(source, path)];
  };
  const lines = (source: LuaSource, path: readonly string[]): readonly string[] => {
    const constants = constantsSeenBy(source, sources);
    return source.lines.flatMap((line) =>
      typeof line === "string" ? withConstants(line, constants) : place(line.inner, [...path, source.name]),
    );
  };
  return lines(sourceOf(name, sources), []);
}

function constantsSeenBy(source: LuaSource, sources: LuaSources): ReadonlyMap<string, string> {
  const seen = [source.base, ...namedBy(source), source.name];
  return new Map(seen.flatMap((name) => [...sourceOf(name, sources).constants]));
}

/** What a file includes, at its head or inside. */
function namedBy({ includes, lines }: LuaSource): readonly string[] {
  return [...includes, ...lines.flatMap((line) => (typeof line === "string" ? [] : line.inner))];
}

/** All parts that a script is made of besides its own file, each behind those that it includes. */
export function partsOf(script: string, first: string, sources: LuaSources): readonly string[] {
  const ordered: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) throw new Error(`Include cycle: ${[...path, name].join(" → ")}.`);
    if (ordered.includes(name)) return;
    for (const include of outerIncludes(name, sources)) visit(include, [...path, name]);
    ordered.push(name);
  };
  visit(first, []);
  visit(script, []);
  return ordered.slice(0, -1);
}

/** What a file and those inside of it include from outside. */
function outerIncludes(name: string, sources: LuaSources): readonly string[] {
  const inside = [...sources.keys()].filter((other) => hostOf(other, sources) === name);
  return [name, ...inside]
    .flatMap((each) => sourceOf(each, sources).includes)
    .filter((include) => hostOf(include, sources) !== name);
}

/** @throws {Error} where a file uses what it doesn't include, or includes what it doesn't use. */
export function checkIncludes(sources: LuaSources, scripts: readonly LuaScript[]): void {
  const checks = new Map<string, readonly [LuaSource, string]>();
  for (const { name, base } of [...sources.values(), ...scripts])
    checks.set(`${name} ${base}`, [sourceOf(name, sources), base]);
  for (const { base, parts } of scripts) {
    for (const part of parts) checks.set(`${part} ${base}`, [sourceOf(part, sources), base]);
  }
  const problems = [...checks.values()].flatMap(([source, base]) => problemsOf(source, sources, base));
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

function problemsOf(source: LuaSource, sources: LuaSources, base: string): readonly string[] {
  const { name, includes, used } = source;
  const host = hostOf(name, sources);
  const isOwn = (word: string) => source.declared.has(word) || sources.get(host ?? "")?.declared.has(word);
  const visible = new Set([...namedBy(source), base]);
  const problems: string[] = [];
  for (const include of includes) {
    const hostOfInclude = hostOf(include, sources);
    if (hostOfInclude !== undefined && hostOfInclude !== host) {
      problems.push(`${name} includes ${include}, which is inside of ${hostOfInclude}.`);
    }
    const { exports } = sourceOf(include, sources);
    if (exports.size > 0 && ![...exports].some((word) => used.has(word))) {
      problems.push(`${name} includes ${include} and uses nothing of it.`);
    }
  }
  const isKnown = (word: string) => [...visible].some((include) => sources.get(include)?.exports.has(word));
  for (const word of used) {
    const isConstant = /^[A-Z][A-Z_]+$/.test(word) && word !== "KEYS" && word !== "ARGV";
    if (isConstant && !isOwn(word) && !isKnown(word))
      problems.push(`${name} uses \`${word}\`, which it doesn't declare.`);
  }
  for (const other of sources.values()) {
    const isPart = other.name.includes("/");
    if (!isPart || other === source || visible.has(other.name)) continue;
    const words = [...other.exports].filter((word) => used.has(word) && !isOwn(word));
    for (const word of words) {
      if (!isKnown(word)) problems.push(`${name} uses \`${word}\` and doesn't include ${other.name}.`);
    }
  }
  return problems;
}

function sourceOf(name: string, sources: LuaSources): LuaSource {
  const source = sources.get(name);
  if (source === undefined) throw new Error(`There is no Lua file "${name}" to include.`);
  return source;
}
