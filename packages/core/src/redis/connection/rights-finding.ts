import type { Finding } from "../../engine/finding.ts";
import type { MissingRights } from "./rights.ts";

export interface RightsReport {
  readonly missing: MissingRights;
  readonly user: string;
  /** Why rights couldn't be tried, other than that one is missing. */
  readonly problem: string | undefined;
  readonly scope: { readonly prefix: string; readonly channels: string };
}

/** Says what the user lacks, with the rule that gives it. */
export function findingOfRights({ missing, user, problem, scope }: RightsReport): Finding {
  const check = "rights";
  if (problem !== undefined) {
    return { check, status: "problem", text: `The server runs no script: ${problem}`, remedy: SCRIPTS };
  }
  const { commands, keys, channels, isReadOnly } = missing;
  const named = `The user ${user}`;
  const rules = grants(missing, scope);
  if (rules.length === 0) return { check, status: "ok", text: `${named} may do all that an engine does.` };
  if (isReadOnly) {
    return {
      check,
      status: "warning",
      text: `${named} may read, but not write: the app and its workers need another one.`,
      remedy:
        'Nothing, if only people who look use it. The rights of an engine are in the guide, under "A user with few rights".',
    };
  }
  const lacks = [
    ...(commands.length > 0 ? [`to call ${commands.join(", ")}`] : []),
    ...(keys ? [`to all keys of ${scope.prefix}*`] : []),
    ...(channels ? [`to the channels of ${scope.prefix}*`] : []),
  ];
  const remedy = `ACL SETUSER ${user} ${rules.join(" ")}`;
  return { check, status: "problem", text: `${named} lacks the right ${lacks.join(", and ")}.`, remedy };
}

/** The words of `ACL SETUSER` that give what is missing. */
function grants(
  { commands, keys, channels }: Omit<MissingRights, "isReadOnly">,
  { prefix }: { readonly prefix: string },
): readonly string[] {
  return [
    ...(keys ? [`~${prefix}*`] : []),
    ...(channels ? [`&${prefix}*`] : []),
    ...commands.map((name) => `+${name}`),
  ];
}

const SCRIPTS = "Use a server with Lua scripts (EVAL): Redis 6.2 or later, or Valkey.";
