import fc from "fast-check";

const forbiddenKeys = fc.constantFrom("__proto__", "constructor", "prototype", "toString", "toJSON", "then");
const key = fc.oneof({ weight: 4, arbitrary: fc.string() }, { weight: 1, arbitrary: forbiddenKeys });

/** Whatever JavaScript can build from plain parts: bigints, dates, maps, sparse and typed arrays, symbols. */
const anything = fc.anything({
  key,
  maxDepth: 4,
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});

function circular(): unknown {
  const value: Record<string, unknown> = { list: [] };
  (value.list as unknown[]).push({ back: value });
  return value;
}

function nested(depth: number, close: "array" | "object"): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = close === "array" ? [value] : { in: value };
  return value;
}

function throwing(): never {
  throw new Error("a trap of the value's own");
}

class Account {
  #secret = 1;
  name = "account";
  get secret() {
    return this.#secret;
  }
}

/** Values that no generator of plain data comes up with. */
export const TRAPS: readonly (() => unknown)[] = [
  circular,
  () => nested(101, "object"),
  () => nested(101, "array"),
  () => nested(50_000, "array"),
  () => "x".repeat(300_000),
  () => ({ text: "é".repeat(200_000) }),
  () => new Array(2 ** 32 - 1),
  () => Array.from({ length: 300_000 }, () => 0),
  () => Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`key ${index}`, index])),
  () => Number.NaN,
  () => ({ n: Number.POSITIVE_INFINITY }),
  () => 10n ** 100n,
  () => Symbol("s"),
  () => throwing,
  () => new Date(Number.NaN),
  () => new Map([["a", 1]]),
  () => "\ud800",
  () => new Account(),
  () => Object.create({ inherited: 1 }),
  () => JSON.parse('{"__proto__":{"polluted":true}}'),
  () => JSON.parse('{"a":[{"b":{"__proto__":{"polluted":true}}}]}'),
  () => ({ constructor: { prototype: { polluted: true } } }),
  () => Object.defineProperty({}, "trap", { enumerable: true, get: throwing }),
  () => ({ in: Object.defineProperty({}, "trap", { enumerable: true, get: throwing }) }),
  () => ({ toJSON: throwing }),
  () => ({ toJSON: () => undefined }),
  () => ({ toJSON: () => "x".repeat(300_000) }),
  () => ({ toJSON: () => JSON.parse('{"__proto__":{"polluted":true}}') }),
  () => new Uint8Array(10),
  () => Promise.resolve(1),
  () => new (class extends Array {})(3),
];

/** Objects that nothing can be asked of: only code in the same process can make them. */
export const PROXIES: readonly (() => unknown)[] = [
  () => new Proxy({}, { get: throwing, ownKeys: throwing, getPrototypeOf: throwing, has: throwing }),
  () => new Proxy([], { get: throwing }),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
];

/** A value to be built: fast-check looks into what it generates, and would step into the traps itself. */
export interface Hostile {
  readonly name: string;
  readonly build: () => unknown;
}

function trapsFrom(traps: readonly (() => unknown)[]): fc.Arbitrary<Hostile> {
  return fc.constantFrom(...traps).map((build) => ({ name: String(build), build }));
}

const anyValue: fc.Arbitrary<Hostile> = anything.map((value) => ({
  name: fc.stringify(value),
  build: () => value,
}));

/** For options: an app's own code makes them, so they aren't proxies. */
export const hostileOption: fc.Arbitrary<Hostile> = fc.oneof(
  { weight: 6, arbitrary: anyValue },
  { weight: 1, arbitrary: trapsFrom(TRAPS) },
);
/** For data, which may come from anywhere. */
export const hostileValue: fc.Arbitrary<Hostile> = fc.oneof(
  { weight: 6, arbitrary: anyValue },
  { weight: 1, arbitrary: trapsFrom([...TRAPS, ...PROXIES]) },
);

/** JSON text, and what is left of it after something went wrong on the way. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json(),
  fc.json().map((json) => json.slice(0, -1)),
  fc.tuple(fc.json(), fc.nat(), fc.string({ minLength: 1, maxLength: 3 })).map(([json, at, text]) => {
    const index = at % (json.length + 1);
    return json.slice(0, index) + text + json.slice(index + 1);
  }),
  fc.constantFrom(
    '{"__proto__":{"polluted":true}}',
    '{"\\u005f_proto__":{"polluted":true}}',
    '{"a":{"b":[{"__\\u0070roto__":{"polluted":true}}]}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    "[".repeat(100_000),
    "[".repeat(150) + "]".repeat(150),
    `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`,
    `"${"x".repeat(300_000)}"`,
    `"${"é".repeat(140_000)}"`,
    "1e999",
    "-",
    "",
    "\ufeff{}",
    "nul",
    '{"a":1,"a":2}',
  ),
);

/** Text as queues let it through to engines: well-formed Unicode, and nothing else that can be relied on. */
const ENGINE_TEXTS: readonly string[] = [
  "-".repeat(65),
  "nul \u0000, 🏋️, \u2028",
  "__proto__",
  'a\r\nb {"c":"]"} \\ud83d %s ',
  "\u202ertl, e\u0301, \u00e9",
];

export function engineText(index: number): string {
  return ENGINE_TEXTS[index % ENGINE_TEXTS.length]!;
}

/** Ids that mean something to some code. */
const ODD_IDS: Readonly<Record<number, string>> = {
  2: "-".repeat(65),
  4: "-",
  6: "constructor",
  8: ":_.-",
  10: "0",
  12: "1e3",
};

/** The id of a sequence's n-th job. */
export function modelId(n: number): string {
  return ODD_IDS[n] ?? `j${n}`;
}

/** JSON text of what only payloads may hold, half a surrogate pair among it. */
export function payloadText(about: string): string {
  return JSON.stringify({ about, half: "\ud83d", "other half \ude00": ENGINE_TEXTS });
}

/** Whether a value that came out has the key somewhere that would turn into a prototype when it is copied. */
export function hasProtoKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.keys(value).some(
    (name) => name === "__proto__" || hasProtoKey((value as Record<string, unknown>)[name]),
  );
}
