import type { TestServer } from "./test-server.ts";

/** One way to get a server. */
export interface ServerSource {
  readonly name: string;
  /** Throws if the source should have worked. Then the next one isn't tried. */
  start(): Promise<Omit<TestServer, "source"> | Unavailable>;
}

/** Why a source has no server here. */
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
