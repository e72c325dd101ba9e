import { readFileSync } from "node:fs";
import type * as z from "zod/mini";
import { closest } from "../closest.ts";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import type { QueueConfig } from "./config.ts";
import { configSchema, KNOWN_KEYS } from "./config-schema.ts";
import { findLine } from "./find-line.ts";
import { describeValue } from "./values.ts";

/** Problems that one message names. */
const MAX_NAMED = 20;

interface Problem {
  /** Of what is wrong, or of what lacks something. */
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

/**
 * Returns the config, if it is one. Its error has a line for each problem, with its place in the file at `path` where
 * that is certain.
 *
 * @throws {CommandError} with `EXIT_CODES.CONFIG`.
 */
export function checkConfig(config: unknown, path?: string): QueueConfig {
  const problems = findProblems(config);
  if (problems.length === 0) return config as QueueConfig;
  const source = path === undefined ? undefined : readSource(path);
  const lines = problems.slice(0, MAX_NAMED).map((problem) => {
    const line = source === undefined ? undefined : findLine(source, problem.path);
    return `${path ?? "The config"}${line === undefined ? "" : `:${line}`}: ${problem.text}`;
  });
  const others = problems.length - lines.length;
  if (others > 0) lines.push(`and ${others} more`);
  const text = lines.map((line) => `\n  ${line}`).join("");
  throw new CommandError(
    lines.length === 1 ? lines[0]! : `The config has ${problems.length} problems:${text}`,
    EXIT_CODES.CONFIG,
  );
}

function findProblems(config: unknown): readonly Problem[] {
  try {
    const parsed = configSchema.safeParse(withoutFunctions(config));
    const { issues } = parsed.error ?? { issues: [] };
    return parsed.success
      ? findConflicts(config as QueueConfig)
      : issues.flatMap((issue) => toProblems(issue, config));
  } catch (error) {
    // A getter that throws, or a revoked proxy.
    const reason = error instanceof Error ? error.message : String(error);
    return [{ path: [], text: `it can't be read: ${reason}` }];
  }
}

/** What a function opens is checked when a worker process calls it. */
function withoutFunctions(config: unknown): unknown {
  if (typeof config !== "object" || config === null || Array.isArray(config)) return config;
  const copy: Record<string, unknown> = { ...config };
  for (const key of ["handlers", "workers", "database"])
    if (typeof copy[key] === "function") copy[key] = undefined;
  return copy;
}

function findConflicts({ handlers, worker, workers }: QueueConfig): readonly Problem[] {
  if (handlers !== undefined && workers !== undefined) {
    const text = "workers and handlers exclude each other: move the handlers into one of the workers.";
    return [{ path: ["workers"], text }];
  }
  if (worker === undefined || handlers !== undefined) return [];
  const text =
    workers === undefined
      ? "worker has options of the worker that runs the handlers, and handlers is missing."
      : "worker has options for handlers: with workers, give them to each of the workers.";
  return [{ path: ["worker"], text }];
}

function toProblems(issue: z.core.$ZodIssue, config: unknown): readonly Problem[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    const known = KNOWN_KEYS[String(path[0] ?? "")] ?? [];
    return issue.keys.map((key) => {
      const close = closest(key, known);
      const hint = close ? `Did you mean ${close}?` : `It may be one of ${known.join(", ")}.`;
      return { path: [...path, key], text: `${pathText([...path, key])} is unknown. ${hint}` };
    });
  }
  const value = path.reduce<unknown>((inner, key) => Object(inner)[key], config);
  const expected = issue.code === "invalid_type" ? `an ${issue.expected}` : issue.message;
  const subject = path.length === 0 ? "it" : pathText(path);
  return value === undefined
    ? [{ path: path.slice(0, -1), text: `${subject} is missing: expected ${expected}.` }]
    : [{ path, text: `${subject} is ${describeValue(value)}: expected ${expected}.` }];
}

/** `workers[0].lease` */
function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return text.replace(/^\./, "");
}

function readSource(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
