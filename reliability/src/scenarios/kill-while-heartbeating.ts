import type { Scenario } from "../scenario.ts";
import { assertRecovered, sendWithVictim } from "./recovery.ts";

export const killWhileHeartbeating: Scenario = {
  name: "kill-while-heartbeating",
  promise: "the lease of a killed worker expires, no matter how often it was renewed",
  async run(stage) {
    const victim = await sendWithVictim(stage, "wait");
    const killed = await stage.standbyWorker("doomed");
    const successor = await stage.standbyWorker("successor");
    killed.send({ command: "start" });
    const beats = stage.random.between(1, 4);
    await killed.until("extended", () => renewals(killed.reports, victim) >= beats);
    const death = await killed.kill();
    successor.send({ command: "start" });
    await assertRecovered(stage, successor, victim, death);
  },
};

function renewals(reports: readonly { readonly type: string; readonly id?: string }[], job: string): number {
  return reports.filter(({ type, id }) => type === "extended" && id === job).length;
}
