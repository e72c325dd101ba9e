import { hostOf, type LuaSource } from "./lua-sources.ts";

type Sources = ReadonlyMap<string, LuaSource>;

/** The lines of a file, with the files that belong inside. */
export function linesOf(name: string, sources: Sources): readonly string[] {
  const placed = new Set<string>();
  const place = (inner: string, path: readonly string[]): readonly string[] => {
    if (path.includes(inner)) throw new Error(`${[...path, inner].join(" includes ")}: that is a circle.`);
    if (placed.has(inner)) return [];
    const source = sourceOf(inner, sources);
    const before = source.includes
      .filter((include) => hostOf(include, sources) === name)
      .flatMap((include) => place(include, [...path, inner]));
    placed.add(inner);
    return [...before, ...source.lines.flatMap((line) => (typeof line === "string" ? line : []))];
  };
  return sourceOf(name, sources).lines.flatMap((line) =>
    typeof line === "string" ? line : place(line.inner, [name]),
  );
}

/** All parts that a script is made of besides its own file, each behind those that it includes. */
export function partsOf(script: string, first: string, sources: Sources): readonly string[] {
  const ordered: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) throw new Error(`${[...path, name].join(" includes ")}: that is a circle.`);
    if (ordered.includes(name)) return;
    for (const include of outerIncludes(name, sources)) visit(include, [...path, name]);
    ordered.push(name);
  };
  visit(first, []);
  visit(script, []);
  return ordered.slice(0, -1);
}

/** What a file and those inside of it include from outside. */
function outerIncludes(name: string, sources: Sources): readonly string[] {
  const inside = [...sources.keys()].filter((other) => hostOf(other, sources) === name);
  return [name, ...inside]
    .flatMap((each) => sourceOf(each, sources).includes)
    .filter((include) => hostOf(include, sources) !== name);
}

/** @throws {Error} where a file uses what it doesn't include, or includes what it doesn't use. */
export function checkIncludes(sources: Sources, everywhere: readonly string[]): void {
  const problems = [...sources.values()].flatMap((source) => problemsOf(source, sources, everywhere));
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

function problemsOf(source: LuaSource, sources: Sources, everywhere: readonly string[]): readonly string[] {
  const { name, includes, used } = source;
  const host = hostOf(name, sources);
  const isOwn = (word: string) => source.declared.has(word) || sources.get(host ?? "")?.declared.has(word);
  const inside = source.lines.flatMap((line) => (typeof line === "string" ? [] : line.inner));
  const visible = new Set([...includes, ...inside, ...everywhere]);
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
  for (const other of sources.values()) {
    const isPart = other.name.includes("/");
    if (!isPart || other === source || visible.has(other.name)) continue;
    const words = [...other.exports].filter((word) => used.has(word) && !isOwn(word));
    const isKnown = (word: string) => [...visible].some((include) => sources.get(include)?.exports.has(word));
    for (const word of words) {
      if (!isKnown(word)) problems.push(`${name} uses \`${word}\` and doesn't include ${other.name}.`);
    }
  }
  return problems;
}

function sourceOf(name: string, sources: Sources): LuaSource {
  const source = sources.get(name);
  if (source === undefined) throw new Error(`There is no Lua file "${name}" to include.`);
  return source;
}
