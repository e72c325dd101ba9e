import fc from "fast-check";

const forbiddenKeys = fc.constantFrom("__proto__", "constructor", "prototype", "toString", "toJSON", "then");
const key = fc.oneof({ weight: 4, arbitrary: fc.string() }, { weight: 1, arbitrary: forbiddenKeys });

/** Any plain JavaScript value: bigints, dates, maps, sparse and typed arrays, symbols. */
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

/** Values that a generator of plain data doesn't produce. */
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

/** Objects on which any operation throws. Only code in the same process can create them. */
export const PROXIES: readonly (() => unknown)[] = [
  () => new Proxy({}, { get: throwing, ownKeys: throwing, getPrototypeOf: throwing, has: throwing }),
  () => new Proxy([], { get: throwing }),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
];

/** A value to be built later, because fast-check inspects generated values and would trigger the traps. */
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

/** For options, which the app's own code creates, so they aren't proxies. */
export const hostileOption: fc.Arbitrary<Hostile> = fc.oneof(
  { weight: 6, arbitrary: anyValue },
  { weight: 1, arbitrary: trapsFrom(TRAPS) },
);
/** For data, which may come from any source. */
export const hostileValue: fc.Arbitrary<Hostile> = fc.oneof(
  { weight: 6, arbitrary: anyValue },
  { weight: 1, arbitrary: trapsFrom([...TRAPS, ...PROXIES]) },
);

/** JSON text, intact or damaged in transit. */
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

/** Text that queues pass to engines: well-formed Unicode, with no other guarantee. */
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

/** Ids that some code may treat specially. */
const ODD_IDS: Readonly<Record<number, string>> = {
  2: "-".repeat(65),
  4: "-",
  6: "constructor",
  8: ":_.-",
  10: "0",
  12: "1e3",
};

/** The id of the n-th job of a sequence. */
export function modelId(n: number): string {
  return ODD_IDS[n] ?? `j${n}`;
}

/** JSON text that only payloads may contain, including half a surrogate pair. */
export function payloadText(about: string): string {
  return JSON.stringify({ about, half: "\ud83d", "other half \ude00": ENGINE_TEXTS });
}

/** Whether a value contains the key `__proto__`, which would become a prototype when the value is copied. */
export function hasProtoKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.keys(value).some(
    (name) => name === "__proto__" || hasProtoKey((value as Record<string, unknown>)[name]),
  );
}
