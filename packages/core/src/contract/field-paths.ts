import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Schema } from "./schema.ts";

/** What travels as JSON: the input of a schema. */
export type WireInput<S> = S extends Schema ? StandardSchemaV1.InferInput<S> : never;

/**
 * Dotted paths to the scalars of a schema's input, such as `"client.id"`. Any text from the fifth level on, and where
 * the schema says nothing.
 */
export type SearchablePath<S> = ScalarPaths<WireInput<S>, MaxLevels>;

/**
 * Dotted paths to the members of a schema's input. `*` stands for each element of an array and each value of a record:
 * `"cards.*.number"`.
 */
export type SensitivePath<S> = MemberPaths<WireInput<S>, MaxLevels>;

type Scalar = string | number | boolean | bigint | Date;
type MaxLevels = [1, 2, 3, 4];

type ScalarPaths<T, Levels> = unknown extends T
  ? string
  : T extends Scalar | readonly unknown[] | null | undefined
    ? never
    : Levels extends [unknown, ...infer Deeper]
      ? { [K in keyof T & string]-?: ScalarPathsOf<K, T[K], Deeper> }[keyof T & string]
      : string;

type ScalarPathsOf<K extends string, V, Levels> = unknown extends V
  ? K | `${K}.${string}`
  : (Extract<V, Scalar> extends never ? never : K) | Below<K, ScalarPaths<V, Levels>>;

type MemberPaths<T, Levels> = unknown extends T
  ? string
  : T extends Scalar | null | undefined
    ? never
    : Levels extends [unknown, ...infer Deeper]
      ? T extends readonly (infer Element)[]
        ? MemberPathsOf<"*", Element, Deeper>
        : { [K in keyof T & string]-?: MemberPathsOf<K, T[K], Deeper> }[keyof T & string]
      : string;

type MemberPathsOf<K extends string, V, Levels> = K | Below<K, MemberPaths<V, Levels>>;

type Below<K extends string, Path extends string> = [Path] extends [never] ? never : `${K}.${Path}`;
