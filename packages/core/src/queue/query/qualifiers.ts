import { JOB_STATES } from "../../engine/state-machine.ts";

/** One kind of condition of a query. */
export interface JobQueryQualifier {
  /** `data.PATH` stands for `data.` and a searchable field. */
  readonly name: string;
  /** What it selects, as the rest of a sentence that begins with "jobs". */
  readonly what: string;
  readonly example: string;
  /** All values that it takes, or what they are: for suggestions. */
  readonly values: readonly string[] | "messages" | "queues" | "failure groups" | "times" | "text";
  /** Whether it takes several values, with commas. Jobs with any of them are selected. */
  readonly isList: boolean;
}

/**
 * The language of `parseJobQuery` as data, for help and suggestions.
 *
 * @example
 * const names = JOB_QUERY_QUALIFIERS.map(({ name }) => name);
 */
export const JOB_QUERY_QUALIFIERS: readonly JobQueryQualifier[] = [
  {
    name: "state",
    what: "in one of these states",
    example: "state:failed,cancelled",
    values: JOB_STATES,
    isList: true,
  },
  { name: "message", what: "of these messages", example: "message:EMAIL", values: "messages", isList: true },
  { name: "queue", what: "of these queues", example: "queue:mail", values: "queues", isList: true },
  { name: "user", what: "sent with this user id", example: "user:u1", values: "text", isList: false },
  { name: "key", what: "with this ordering key", example: 'key:"plan 9"', values: "text", isList: false },
  {
    name: "error",
    what: "of one failure group, by its fingerprint or text",
    example: "error:ECONNRESET",
    values: "failure groups",
    isList: false,
  },
  {
    name: "sent",
    what: "sent in the last two hours; >2h: before them",
    example: "sent:<2h",
    values: "times",
    isList: false,
  },
  {
    name: "finished",
    what: "that ended on these days, or at these times",
    example: "finished:2026-11-28..2026-11-30",
    values: "times",
    isList: false,
  },
  {
    name: "data.PATH",
    what: "with this value of a searchable field",
    example: "data.clientId:c7",
    values: "text",
    isList: false,
  },
];

/** Before the path of a searchable field. */
export const DATA_PREFIX = "data.";
