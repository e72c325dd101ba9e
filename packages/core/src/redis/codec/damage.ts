import type { Damage } from "../../engine/health-report.ts";

/** Parses the reports of the scripts: `instant kind subject`. */
export function parseDamage(reply: readonly string[]): readonly Damage[] {
  return reply.flatMap((text) => {
    const [, at, kind, subject] = /^(\d+) (removed|mended|moved) (.*)$/s.exec(text) ?? [];
    return at === undefined ? [] : [{ at: Number(at), kind: kind as Damage["kind"], subject: subject! }];
  });
}

const MAX_SUBJECTS = 5;

/** The log line for the damage that one turn of maintenance found. */
export function describeDamage(damage: readonly Damage[]): string {
  const texts = (["removed", "moved", "mended"] as const).flatMap((kind) => {
    const subjects = [...new Set(damage.filter((one) => one.kind === kind).map(({ subject }) => subject))];
    if (subjects.length === 0) return [];
    const shown = subjects.slice(0, MAX_SUBJECTS).map((subject) => JSON.stringify(subject));
    const rest = subjects.length > shown.length ? ` and ${subjects.length - shown.length} more` : "";
    return [`${WHAT[kind]} ${shown.join(", ")}${rest}.`];
  });
  return `CORRUPT_JOB: keys of the queue were deleted or overwritten in Redis. ${texts.join(" ")} ${REMEDY}`;
}

const WHAT = {
  removed: "Jobs that can't be read and count as removed:",
  moved: "Keys of the wrong type, moved to `corrupt:…`:",
  mended: "Repaired:",
} as const;

const REMEDY = "Check that the server doesn't evict keys and that no other program writes to this database.";
