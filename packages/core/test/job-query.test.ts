import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  createRegistry,
  defineMessage,
  formatJobQuery,
  isQueueError,
  JOB_QUERY_QUALIFIERS,
  JobQueryError,
  parseJobQuery,
  resolveJobQuery,
  UnrecoverableError,
} from "../src/index.ts";
import { setup } from "./runtime-support.ts";

const date = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (value) => value.toISOString(),
});
const email = defineMessage("EMAIL", {
  data: z.object({
    clientId: z.string(),
    size: z.number(),
    urgent: z.boolean().optional(),
    kind: z.enum(["newsletter", "invoice"]),
  }),
  searchable: ["clientId", "size", "urgent", "kind"],
  queue: "mail",
});
const report = defineMessage("REPORT", {
  data: z.object({ clientId: z.string(), due: date, total: z.nullable(z.string()) }),
  searchable: ["clientId", "due"],
  queue: "reports",
});
const ping = defineMessage("PING", { data: z.object({}) });
const registry = createRegistry([email, report, ping]);
const now = Date.parse("2026-11-30T12:00Z");

const parse = (text: string) => parseJobQuery(text, { registry, now });
const filterOf = (text: string) => parse(text).filter;
const at = (text: string) => Date.parse(text);

function refusal(text: string): JobQueryError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof JobQueryError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe("parseJobQuery", () => {
  it("reads each qualifier, in any order, with several values", () => {
    expect(filterOf("")).toEqual({});
    expect(filterOf("state:failed,cancelled message:EMAIL queue:mail user:u1 key:plan-9")).toEqual({
      state: ["failed", "cancelled"],
      message: "EMAIL",
      queue: "mail",
      userId: "u1",
      orderingKey: "plan-9",
    });
    expect(filterOf("  error:0123456789abcdef\tSTATE:Failed  message:email,OTHER_APP ")).toEqual({
      failureGroup: "0123456789abcdef",
      state: "failed",
      message: ["EMAIL", "OTHER_APP"],
    });
    expect(parse("error:ECONNRESET")).toEqual({ filter: {}, errorText: "ECONNRESET" });
  });

  it("reads quoted values with their escapes", () => {
    expect(filterOf('key:"plan 9"')).toEqual({ orderingKey: "plan 9" });
    expect(filterOf('key:"a,b" user:"say \\"hi\\" \\\\ \\u00e9\\n"')).toEqual({
      orderingKey: "a,b",
      userId: 'say "hi" \\ é\n',
    });
    expect(filterOf("user:a:b@c.d=1")).toEqual({ userId: "a:b@c.d=1" });
  });

  it.each([
    ["sent:<2h", { sentFrom: at("2026-11-30T10:00Z") }],
    ["sent:>2h", { sentTo: at("2026-11-30T10:00Z") }],
    ["sent:2h..1h", { sentFrom: at("2026-11-30T10:00Z"), sentTo: at("2026-11-30T11:00Z") }],
    ["sent:30m..", { sentFrom: at("2026-11-30T11:30Z") }],
    ["finished:2026-11-29", { finishedFrom: at("2026-11-29"), finishedTo: at("2026-11-30") }],
    ["finished:>2026-11-29", { finishedFrom: at("2026-11-30") }],
    ["finished:>=2026-11-29", { finishedFrom: at("2026-11-29") }],
    ["finished:<2026-11-29", { finishedTo: at("2026-11-29") }],
    ["finished:<=2026-11-29", { finishedTo: at("2026-11-30") }],
    ["sent:2026-11-01..2026-11-29", { sentFrom: at("2026-11-01"), sentTo: at("2026-11-30") }],
    ["sent:*..2026-11-29", { sentTo: at("2026-11-30") }],
    ["sent:>=2026-11-29T08:00+02:00", { sentFrom: at("2026-11-29T06:00Z") }],
    ["sent:>2026-11-29t08:00:00.5z", { sentFrom: at("2026-11-29T08:00:00.501Z") }],
    [
      "sent:2026-11-29T08:00..2026-11-29T09:30",
      { sentFrom: at("2026-11-29T08:00Z"), sentTo: at("2026-11-29T09:30Z") },
    ],
  ])("reads times: %s", (text, filter) => {
    expect(filterOf(text)).toEqual(filter);
  });

  it("gives searchable values the types of their fields", () => {
    expect(
      filterOf("message:EMAIL data.clientId:007 data.size:1e3 data.urgent:true data.kind:invoice"),
    ).toEqual({
      message: "EMAIL",
      search: { clientId: "007", size: 1000, urgent: true, kind: "invoice" },
    });
    expect(filterOf("message:REPORT data.due:2026-11-29").search).toEqual({ due: new Date("2026-11-29") });
    // Only one message has it.
    expect(filterOf("data.size:3")).toEqual({ message: "EMAIL", search: { size: 3 } });
  });

  it.each([
    ["state:fialed", 6, 'there is no state "fialed". Did you mean failed?'],
    ["state:failed,x", 13, "The states are blocked, scheduled"],
    ["state:failed stat:queued", 13, 'there is no qualifier "stat". Did you mean state:?'],
    ["foo:1", 0, "The qualifiers are state, message, queue"],
    ["-state:failed", 0, "conditions can't be negated"],
    ["failed", 0, '"failed" has no qualifier. Did you mean state:failed?'],
    ["fialed", 0, "Did you mean state:failed?"],
    ["mial", 0, "Did you mean queue:mail?"],
    ["user:u1 email", 8, "Did you mean message:EMAIL?"],
    ["0f8fad5b-d9cb-469f-a165-70867728950e", 0, "A job is read by its id, not searched for."],
    ["state:", 5, "state: has no value"],
    ["state:failed,", 12, "a value is missing after the comma"],
    ["state:failed state:queued", 13, "state: is given twice. Join its values: state:a,b."],
    ["user:a,b", 7, 'user: takes one value. If the comma belongs to it, put it in quotes: user:"a,b".'],
    ['key:"plan 9', 4, "the quote isn't closed"],
    ['key:a"b"', 5, "quotes go around a whole value"],
    ['key:""', 4, "the value is empty"],
    ['key:"\\ud800"', 4, "well-formed"],
    ["message:no*name", 8, "can't be the name of a message"],
    ["sent:2h", 5, "sent:2h isn't clear. Write sent:<2h for that time and later, sent:>2h for before it."],
    ["sent:2026-11-29T08:00Z", 5, "Write sent:>=2026-11-29T08:00Z"],
    ["sent:<2026-02-30", 5, '"2026-02-30" isn\'t a time: expected an age (<2h, >7d), a UTC day'],
    ["sent:1h..2h", 5, "the range ends before it begins"],
    ["sent:..", 5, "neither beginning nor end"],
    ["message:EMAIL data.size:big", 24, 'size of EMAIL is never "big". Expected a number.'],
    ["data.size:0x10", 10, "Expected a number."],
    ["message:EMAIL data.kind:invoise", 24, "Did you mean invoice?"],
    ["message:EMAIL data.client:x", 14, "Did you mean data.clientId:?"],
    ["message:PING data.x:1", 13, "PING has no searchable fields."],
    ["data.clientId:c7", 0, "Add message:EMAIL or message:REPORT."],
    ["data.nothing:c7", 0, "no message has all of these searchable fields"],
    ["message:EMAIL,REPORT data.clientId:c7", 21, "data. looks into the jobs of one message"],
    ["message:OTHER data.clientId:c7", 14, "its contract isn't in the registry"],
    ["data.:c7", 0, "there is no qualifier"],
    ["x".repeat(30_000), 20_000, "longer than 20000"],
  ])("refuses %s", (text, position, message) => {
    const error = refusal(text);
    expect(error.message).toContain(message);
    expect(error.position).toBe(position);
    expect(error.message).toMatch(new RegExp(`^Column ${position + 1} of the query: `));
    expect(isQueueError(error, "INVALID_OPTIONS")).toBe(true);
  });

  it("refuses a call without a registry, a time or a text", () => {
    const call = parseJobQuery as (text: unknown, options?: unknown) => unknown;
    for (const options of [undefined, { now }, { registry }, { registry, now: Number.NaN }]) {
      expect(() => call("", options)).toThrow("parseJobQuery: expected { registry, now }");
    }
    expect(() => call(undefined, { registry, now })).toThrow("expected a text, got undefined");
  });

  it("reads the example of each qualifier, and their fixed values", () => {
    for (const { name, example, values } of JOB_QUERY_QUALIFIERS) {
      const text = name === "data.PATH" ? `message:EMAIL ${example}` : example;
      expect(() => parse(text)).not.toThrow();
      if (Array.isArray(values)) expect(filterOf(`${name}:${values.join(",")}`)).toEqual({ [name]: values });
    }
  });
});

describe("formatJobQuery", () => {
  it("writes what parseJobQuery reads", () => {
    const text = formatJobQuery({
      state: ["failed", "cancelled"],
      message: email,
      orderingKey: "plan 9",
      sentFrom: new Date(now),
      search: { clientId: "a,b", size: 3 },
    });
    expect(text).toBe(
      'state:failed,cancelled message:EMAIL key:"plan 9" sent:2026-11-30T12:00:00.000Z.. data.clientId:"a,b" data.size:3',
    );
    expect(formatJobQuery(filterOf(text))).toBe(text);
    expect(formatJobQuery({}, { errorText: "too slow" })).toBe('error:"too slow"');
  });

  it("refuses what has no text", () => {
    expect(() => formatJobQuery({ state: [] })).toThrow("an empty list of state selects no job");
    expect(() => formatJobQuery({ sentFrom: 1e20 })).toThrow("isn't a range of dates");
    expect(() => formatJobQuery({ search: { due: new Date(Number.NaN) } as never })).toThrow(
      "an invalid date",
    );
  });
});

describe("resolveJobQuery", () => {
  it("finds the failure group by its code, text or fingerprint, and lists several", async () => {
    const { queue, start, settle } = setup();
    await start({
      PLAN_CREATE: ({ data }) => {
        throw new UnrecoverableError(data.planId === "a" ? "The trainer is away" : "No such plan");
      },
    });
    const { planCreate } = await import("./runtime-support.ts");
    for (const planId of ["a", "a", "b"]) await queue.send(planCreate, { planId });
    await settle();
    const options = { registry: queue.registry, now: 0 };
    const resolve = (text: string) => resolveJobQuery(queue, parseJobQuery(text, options));
    const filter = await resolve("state:failed error:TRAINER");
    expect((await queue.list(filter)).jobs).toHaveLength(2);
    expect(await resolve(`state:failed error:${filter.failureGroup!.slice(0, 6)}`)).toEqual(filter);
    expect(await resolve(formatJobQuery(filter))).toEqual(filter);
    await expect(resolve("error:nonsense")).rejects.toThrow(
      'No failure group has "nonsense" in its code or text.',
    );
    await expect(resolve("message:SCAN error:trainer")).rejects.toThrow("No failure group of these messages");
    await expect(resolve("error:unrecoverable")).rejects.toThrow(
      /"unrecoverable" is in 2 failure groups\. Choose one by its fingerprint:\n {2}error:[0-9a-f]{16} {2}\d × PLAN_CREATE UNRECOVERABLE: /,
    );
  });
});
