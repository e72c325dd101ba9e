import fc from "fast-check";
import { expect, it } from "vitest";
import * as z from "zod";
import {
  createRegistry,
  defineMessage,
  formatJobQuery,
  isQueueError,
  JOB_STATES,
  parseJobQuery,
} from "../src/index.ts";

const order = defineMessage("ORDER", {
  data: z.object({
    id: z.string(),
    size: z.number(),
    paid: z.boolean(),
    'odd: "name': z.string(),
  }),
  searchable: ["id", "size", "paid", 'odd: "name'],
});
const registry = createRegistry([order, defineMessage("OTHER", { data: z.object({}) })]);
const now = 1_800_000_000_000;

const key = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => text.length <= 256);
const fingerprint = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((n) => n.toString(16).padStart(16, "0"));
const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/);
const oneOrList = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof(value, fc.uniqueArray(value, { minLength: 2, maxLength: 4 }));
const range = fc
  .tuple(fc.integer({ min: -1e13, max: 8e13 }), fc.integer({ min: 1, max: 1e12 }))
  .map(([from, length]) => ({ from, to: from + length }));

const filter = fc
  .record(
    {
      state: oneOrList(fc.constantFrom(...JOB_STATES)),
      queue: oneOrList(name),
      userId: key,
      orderingKey: key,
      failureGroup: fingerprint,
      sent: range,
      finished: range,
      search: fc.record(
        {
          id: key,
          size: fc.double({ noNaN: true, noDefaultInfinity: true }),
          paid: fc.boolean(),
          'odd: "name': key,
        },
        { requiredKeys: ["id"] },
      ),
    },
    { requiredKeys: [] },
  )
  .map(({ sent, finished, search, ...rest }) => ({
    ...rest,
    ...(sent && { sentFrom: sent.from, sentTo: sent.to }),
    ...(finished && { finishedFrom: finished.from }),
    ...(search && { message: "ORDER", search }),
  }));

it("reads back every filter that it writes", () => {
  fc.assert(
    fc.property(filter, (given) => {
      const { search, ...rest } = parseJobQuery(formatJobQuery(given as never), { registry, now }).filter;
      const { search: wanted, ...others } = given as typeof given & { search?: object };
      expect(rest).toEqual(others);
      // -0 is written as JSON writes it: 0.
      expect(JSON.stringify({ ...search })).toBe(JSON.stringify({ ...wanted }));
    }),
    { numRuns: 500 },
  );
});

it("reads any text, or says where it can't", () => {
  const piece = fc.constantFrom(
    "state",
    ":",
    ",",
    '"',
    "\\",
    "failed",
    "sent:",
    "<2h",
    "..",
    " ",
    "data.id:",
    "message:ORDER",
    "key:",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (given) => {
      try {
        parseJobQuery(given, { registry, now });
      } catch (error) {
        if (!isQueueError(error, "INVALID_OPTIONS")) throw error;
        expect(error.message).toMatch(/^Column \d+ of the query: .{10,}/s);
        expect(error.message.isWellFormed()).toBe(true);
      }
    }),
    { numRuns: 1_000 },
  );
});
