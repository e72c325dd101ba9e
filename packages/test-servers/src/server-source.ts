import type { TestServer } from "./test-server.ts";

/** One way of getting a server. */
export interface ServerSource {
  readonly name: string;
  /** Throws when the source should have worked: that is a finding, and no reason to try the next one. */
  start(): Promise<Omit<TestServer, "source"> | Unavailable>;
}

/** Why a source has no server to offer here. */
export interface Unavailable {
  readonly unavailable: string;
}

/** Starts a server from the first source that has one. */
export async function startFromFirst(
  sources: readonly ServerSource[],
  nothingFound: { readonly server: string; readonly remedy: string },
): Promise<TestServer> {
  const reasons: string[] = [];
  for (const source of sources) {
    const outcome = await source.start();
    if (!("unavailable" in outcome)) return { ...outcome, source: source.name };
    reasons.push(`  ${source.name}: ${outcome.unavailable}`);
  }
  throw new Error(
    [`No ${nothingFound.server} server to test against.`, ...reasons, nothingFound.remedy].join("\n"),
  );
}
