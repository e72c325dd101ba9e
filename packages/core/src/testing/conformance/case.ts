import type { Engine } from "../../engine/engine.ts";
import type { Clock } from "../../timing/clock.ts";
import type { Scenario } from "./scenario.ts";

/** One rule of the engine port, as a test for any engine. */
export interface ConformanceCase {
  readonly section: string;
  /** The rule, as a sentence. */
  readonly name: string;
  run(scenario: Scenario): Promise<void>;
}

/** An empty engine for one case, alone in its namespace. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** The clock of the worker runtime. If the engine's clock is a fake one, the same. */
  readonly clock: Clock;
  /**
   * Advances the engine's clock at least by this much: moves a fake one, or waits for a server's. Cases use fractions
   * of a second at most.
   */
  elapse(milliseconds: number): Promise<void>;
  /**
   * A second engine on the same storage, like in another process. An engine that lives in one process returns itself.
   */
  peer(): Promise<Engine>;
  /** Closes what was opened for the case. */
  close(): Promise<void>;
}

type Rule = Omit<ConformanceCase, "section">;

export function rule(name: string, run: ConformanceCase["run"]): Rule {
  return { name, run };
}

export function section(name: string, rules: readonly Rule[]): readonly ConformanceCase[] {
  return rules.map((each) => ({ section: name, ...each }));
}
