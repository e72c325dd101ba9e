import { monotonic } from "../monotonic.ts";
import type { DeathPoint } from "../processes/protocol.ts";
import { LEASE, type Stage, type WorkerProgram } from "../stage/stage.ts";

/** Time for the lease to expire and the next maintenance to run, on a busy machine. */
export const RECOVERY = LEASE + 2_000;

/** Sends a few jobs, one of them the victim. Returns its id. */
export async function sendWithVictim(stage: Stage, work: "wait" | "return"): Promise<string> {
  const { random } = stage;
  const count = random.between(1, 6);
  const victim = `job-${random.between(0, count - 1)}`;
  for (let number = 0; number < count; number++) {
    const id = `job-${number}`;
    await stage.send(id, { work: id === victim ? work : "return" });
  }
  return victim;
}

/** A worker kills itself at a point in the victim's run, and a successor runs everything it held. */
export async function playDeath(stage: Stage, point: DeathPoint): Promise<void> {
  const victim = await sendWithVictim(stage, "return");
  const concurrency = stage.random.between(1, 10);
  const killed = await stage.standbyWorker("doomed", { concurrency, death: { point, job: victim } });
  const successor = await stage.standbyWorker("successor");
  killed.send({ command: "start" });
  const death = await killed.gone;
  successor.send({ command: "start" });
  await assertRecovered(stage, successor, victim, death);
}

/** Asserts that the successor starts the job in time and completes it. */
export async function assertRecovered(
  stage: Stage,
  successor: WorkerProgram,
  id: string,
  death: number,
): Promise<void> {
  const { at } = await successor.until("started", (report) => report.id === id);
  successor.send({ command: "finish", id });
  await successor.until("settled", (report) => report.id === id && report.verdict === "accepted");
  assertInTime(stage, "recovery", at - death, RECOVERY);
}

/** Records a duration. @throws {Error} if it is too long. */
export function assertInTime(stage: Stage, what: string, milliseconds: number, max: number): void {
  stage.measure(what, milliseconds);
  if (milliseconds > max) throw new Error(`${what} took ${Math.round(milliseconds)} ms, more than ${max}`);
}

export function since(moment: number): number {
  return monotonic() - moment;
}
