import { closestName } from "../../contract/closest-name.ts";
import type { Message } from "../../contract/message.ts";
import { scalarsAtPath } from "../../contract/schema-paths.ts";
import { isZod } from "../../contract/zod-nodes.ts";
import { describeValue } from "../../errors/describe-value.ts";
import type { SearchValue } from "../send/search-values.ts";
import type { ConditionValue } from "./conditions.ts";
import { JobQueryError } from "./query-error.ts";
import { parseInstant } from "./query-times.ts";

const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;

/** Reads a value of a type from its text; `undefined` if it isn't one. */
const READERS: Readonly<Record<string, (text: string) => SearchValue | undefined>> = {
  bigint: (text) => (/^-?\d+$/.test(text) ? BigInt(text) : undefined),
  boolean: (text) => (text === "true" || text === "false" ? text === "true" : undefined),
  date: parseInstant,
  number: (text) => (NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined),
};

const EXPECTED: Readonly<Record<string, string>> = {
  bigint: "a whole number",
  boolean: "true or false",
  date: "a UTC day or an instant (2026-11-29T08:00Z)",
  number: "a number",
};

/**
 * A searchable field's value as the app has it. Text stays text where the schema accepts text, or doesn't say.
 *
 * @throws {JobQueryError} for what the field can't have.
 */
export function parseSearchValue(message: Message, path: string, value: ConditionValue): SearchValue {
  const { text, position } = value;
  const scalars = isZod(message.data) ? scalarsAtPath(message.data, path) : [];
  const literals = scalars.flatMap(({ values = [] }) => values);
  const literal = literals.find((one) => String(one) === text);
  if (literal !== undefined) return literal;
  const types = scalars.filter(({ values }) => !values).map(({ type }) => type);
  if (scalars.length === 0 || types.some((type) => !READERS[type])) return text;
  for (const type of types) {
    const read = READERS[type]!(text);
    if (read !== undefined) return read;
  }
  const names = literals.map(String);
  const expected = [...names.map(describeValue), ...types.map((type) => EXPECTED[type]!)];
  const close = closestName(text, names);
  throw new JobQueryError(
    position,
    `${path} of ${message.name} is never ${describeValue(text)}. ` +
      (close === undefined ? `Expected ${expected.join(", ")}.` : `Did you mean ${close}?`),
  );
}
