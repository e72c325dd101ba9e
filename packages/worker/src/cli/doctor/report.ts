import type { Finding } from "@org/queue";
import { within } from "../../within.ts";
import { describeError } from "../describe-error.ts";

/** The checks of one thing, such as Redis. */
export interface CheckGroup {
  readonly name: string;
  readonly checks: readonly Finding[];
}

/** Milliseconds for a group, so that what hangs doesn't hold the others. */
const GROUP_TIMEOUT = 10_000;

/** Runs the checks of a group. What fails or hangs becomes a problem of `check`. */
export async function checkGroup(
  name: string,
  check: string,
  look: () => Promise<readonly Finding[]>,
): Promise<CheckGroup> {
  const late = [problem(check, `It took longer than ${GROUP_TIMEOUT / 1_000} s.`)];
  const checks = await within(
    GROUP_TIMEOUT,
    look().catch((error: unknown) => [problem(check, describeError(error, { hint: false }).message)]),
    late,
  );
  return { name, checks };
}

export function ok(check: string, text: string): Finding {
  return { check, status: "ok", text };
}

export function warning(check: string, text: string, remedy: string): Finding {
  return { check, status: "warning", text, remedy };
}

/** Without a remedy, the text says what to do. */
export function problem(check: string, text: string, remedy?: string): Finding {
  return { check, status: "problem", text, ...(remedy !== undefined && { remedy }) };
}

export function skipped(check: string, text: string): Finding {
  return { check, status: "skipped", text };
}
