import type { Engine } from "../../engine/engine.ts";
import type { Clock } from "../../timing/clock.ts";
import type { Scenario } from "./scenario.ts";

/** One rule of the engine port, as a test of any engine. */
export interface ConformanceCase {
  readonly section: string;
  /** The rule, as a sentence. */
  readonly name: string;
  run(scenario: Scenario): Promise<void>;
}

/** An engine made ready for one case: empty, and alone in its namespace. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** The clock the worker runtime is driven by: the engine's own when that is a fake one. */
  readonly clock: Clock;
  /**
   * Lets at least this much time pass on the engine's clock: by advancing a fake one, or by waiting for a
   * server's. Cases ask for fractions of a second at most.
   */
  elapse(milliseconds: number): Promise<void>;
  /**
   * The same jobs as another process sees them: a second engine on the same storage. An engine that lives in
   * one process answers itself.
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
