import type { Finding } from "@org/queue";
import { type InstalledPackage, namesRedis, readInstalled } from "./installed-packages.ts";
import { ok, problem, skipped, warning } from "./report.ts";

const MIN_NODE = [20, 9] as const;
/** When a release line gets its last fixes. Odd ones are short-lived and not listed. */
const END_OF_LIFE: Readonly<Record<number, string>> = {
  20: "2026-04-30",
  22: "2027-04-30",
  24: "2028-04-30",
};
const NEWEST_LISTED = Math.max(...Object.keys(END_OF_LIFE).map(Number));

/** Node and the packages that the queue needs, as a file of the app sees them. */
export function checkNode(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly Finding[] {
  const installed = readInstalled(file);
  if (!installed) {
    const text = "@org/queue isn't installed where the config is.";
    return [checkVersion(process.versions.node), problem("packages", text, "Run: npm install @org/queue")];
  }
  return [
    checkVersion(process.versions.node),
    ok("@org/queue", `${installed.version}.`),
    ...installed.peers.flatMap((each) => checkPeer(each, env)),
  ];
}

export function checkVersion(version: string, now = new Date()): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const check = "node";
  if (major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1])) {
    return problem(
      check,
      `Node ${version} is too old.`,
      `Use Node ${NEWEST_LISTED}; at least 20.9 is needed.`,
    );
  }
  const end = END_OF_LIFE[major];
  if (end === undefined && major < NEWEST_LISTED) {
    return warning(check, `Node ${version} isn't a long-term release.`, `Use Node ${NEWEST_LISTED}.`);
  }
  if (end !== undefined && now.toISOString().slice(0, 10) > end) {
    return warning(check, `Node ${version} has had no fixes since ${end}.`, `Use Node ${NEWEST_LISTED}.`);
  }
  return ok(check, `${version}.`);
}

/** Without Drizzle: the checks of the database know whether that is needed. */
function checkPeer(
  { name, version, range, isSupported }: InstalledPackage,
  env: Readonly<Record<string, string | undefined>>,
): readonly Finding[] {
  const install = `Run: npm install ${name}@${range}`;
  if (version !== undefined) {
    return [
      isSupported
        ? ok(name, `${version}.`)
        : problem(name, `${version} is installed, and ${range} is needed.`, install),
    ];
  }
  if (name === "drizzle-orm") return [];
  if (name !== "ioredis") return [problem(name, "It isn't installed.", install)];
  if (namesRedis(env))
    return [problem(name, "It isn't installed, and the environment names a Redis server.", install)];
  return [skipped(name, "It isn't installed. Only Redis needs it.")];
}
