import { describe, test } from "vitest";
import { newSeed } from "../src/random.ts";
import { runScenario } from "../src/run-scenario.ts";
import type { Scenario } from "../src/scenario.ts";

/** `RELIABILITY_SEED` replays a failure, whose message has the seed. */
const seed = process.env.RELIABILITY_SEED ? Number(process.env.RELIABILITY_SEED) : newSeed();

/**
 * Plays each scenario once. Most wait for leases to expire, so they run concurrently. Scenarios that check milliseconds
 * run `alone`.
 */
export function playAll(
  group: string,
  scenarios: readonly Scenario[],
  { alone = false }: { readonly alone?: boolean } = {},
): void {
  const play = alone ? test : test.concurrent;
  describe(`${group} (RELIABILITY_SEED=${seed})`, () => {
    for (const scenario of scenarios) {
      play(`${scenario.name}: ${scenario.promise}`, async () => {
        await runScenario(scenario, seed);
      });
    }
  });
}
