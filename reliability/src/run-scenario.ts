import { audit } from "./audit/audit.ts";
import type { Scenario } from "./scenario.ts";
import { Stage } from "./stage/stage.ts";

export interface ScenarioResult {
  readonly scenario: string;
  readonly seed: number;
  readonly milliseconds: number;
  /** Measurements, in milliseconds unless the name says otherwise. */
  readonly measured: Readonly<Record<string, number>>;
}

/** Plays a scenario on its own stage and audits the result. */
export async function runScenario(scenario: Scenario, seed: number): Promise<ScenarioResult> {
  const since = performance.now();
  const stage = await Stage.open(seed, scenario);
  try {
    await scenario.run(stage);
    await audit(stage, { eventsAreComplete: !scenario.losesEvents, loss: stage.loss });
    return {
      scenario: scenario.name,
      seed,
      milliseconds: Math.round(performance.now() - since),
      measured: stage.measured,
    };
  } catch (error) {
    throw new Error(`${scenario.name} with seed ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    await stage.close();
  }
}
