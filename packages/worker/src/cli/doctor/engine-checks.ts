import type { Finding, Queue } from "@org/queue";
import { formatBytes, formatShare } from "../output/figures.ts";
import { namesRedis } from "./installed-packages.ts";
import { ok, problem, warning } from "./report.ts";

/** The engine's server: what the engine finds, and what its health says of memory and damage. */
export async function checkEngine(queue: Queue): Promise<readonly Finding[]> {
  const findings = await queue.diagnose();
  if (findings.length === 0) {
    const text =
      "The config's engine has no server: its jobs live in one process, and commands see none of them.";
    return [warning("engine", text, "Set REDIS_URL, and use engineFromEnv() in the config.")];
  }
  if (!isReachable(findings)) return findings;
  return [...findings, ...(await checkStorage(queue))];
}

/** Where the config's queue can't be opened: the server that the environment names. */
export async function checkServerOfEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly Finding[]> {
  if (!namesRedis(env)) return [];
  const { engineFromEnv } = await import("@org/queue");
  const engine = engineFromEnv({ env, logger: { info: () => {} } });
  const findings = (await engine.core.diagnose?.()) ?? [];
  await engine.core.close();
  return findings;
}

/** Whether the server was reached and answers. */
export function isReachable(findings: readonly Finding[]): boolean {
  return findings.every(({ check, status }) => check !== "connection" || status !== "problem");
}

async function checkStorage(queue: Queue): Promise<readonly Finding[]> {
  const { engine, reasons } = await queue.health();
  const judge = (check: string, kind: string, text: string | undefined): readonly Finding[] => {
    const reason = reasons.find((each) => each.kind === kind);
    if (!reason) return text === undefined ? [] : [ok(check, text)];
    return [
      reason.status === "critical"
        ? problem(check, reason.text, reason.remedy)
        : warning(check, reason.text, reason.remedy),
    ];
  };
  const { used, max } = engine.memory ?? {};
  const limit =
    used === undefined || max === undefined ? "" : ` of ${formatBytes(max)} (${formatShare(used / max)})`;
  return [
    ...judge("memory", "memory", used === undefined ? undefined : `${formatBytes(used)}${limit} used.`),
    ...judge("storage", "corrupt", engine.ok ? "No damage in the last hour." : undefined),
  ];
}
