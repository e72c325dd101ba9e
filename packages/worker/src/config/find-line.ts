const SKIPPED = /\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
/** The object that is exported, directly, through `defineConfig` or by a function that returns it. */
const START =
  /(?:export\s+default|module\.exports\s*=|defineConfig\s*\()\s*(?:(?:await\s+)?defineConfig\s*\(\s*)?(?:async\s*)?(?:\(\s*\)\s*=>\s*\(?\s*)?(?=\{)/;

/**
 * The line, from 1 on, of a member in the source of a config; that of the config for an empty path. `undefined` when it
 * isn't certain, as when an object is written elsewhere. It reads text, not syntax.
 */
export function findLine(source: string, path: readonly PropertyKey[]): number | undefined {
  const text = blank(source);
  const start = START.exec(text);
  let at = start ? start.index + start[0].length : undefined;
  for (const [depth, key] of path.entries()) {
    // The object or array that follows a key, unless its value is something else.
    const open = at === undefined || depth === 0 ? at : openingAfter(text, at);
    at = open === undefined ? undefined : memberAt(text, open, key);
  }
  at ??= onlyMember(text, path.at(-1));
  return at === undefined ? undefined : text.slice(0, at).split("\n").length;
}

/** Comments become spaces, and texts lose what could be taken for syntax. Positions stay. */
function blank(source: string): string {
  return source.replace(SKIPPED, (skipped) =>
    skipped.startsWith("/") ? skipped.replace(/[^\n]/g, " ") : skipped.replace(/[^\w\n"'-]/g, "_"),
  );
}

function openingAfter(text: string, key: number): number | undefined {
  const [found] = /^(?:["']?[\w$-]+["']?\s*:\s*)?(?=[{[])/.exec(text.slice(key)) ?? [];
  return found === undefined ? undefined : key + found.length;
}

/** Where a member of the object that opens here begins, or an element of the array. */
function memberAt(text: string, open: number, key: PropertyKey): number | undefined {
  let depth = 0;
  let index = 0;
  for (let at = open; at < text.length; at++) {
    const char = text[at]!;
    if ("{[(".includes(char)) depth++;
    else if ("}])".includes(char)) depth--;
    if (depth === 0) return undefined;
    if (depth > 1 || !(at === open || char === ",")) continue;
    const next = at + 1 + text.slice(at + 1).search(/\S/);
    if (typeof key === "number" ? index === key : isMember(text.slice(next), key)) return next;
    index++;
  }
  return undefined;
}

function isMember(text: string, key: PropertyKey): boolean {
  const [, name] = /^(?:async\s+)?["']?([\w$-]+)["']?\s*[:(,}]/.exec(text) ?? [];
  return name === key;
}

/** The place of a key that the file has once. */
function onlyMember(text: string, key: PropertyKey | undefined): number | undefined {
  if (typeof key !== "string" || !/^[\w$-]+$/.test(key)) return undefined;
  const places = [
    ...text.matchAll(new RegExp(`(?<![\\w$.-])["']?${key.replace("$", "\\$")}["']?\\s*:`, "g")),
  ];
  return places.length === 1 ? places[0]!.index : undefined;
}
