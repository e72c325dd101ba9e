import { canTransition } from "../../../engine/state-machine.ts";
import type { Rule } from "../rule.ts";

/** Every event is a transition of the table, and every transition has an event. */
export const transitionsAreAllowed: Rule = {
  name: "every transition is in the table",
  check(entry, facts, report) {
    if (entry.type === "event" && entry.event.type !== "progress") {
      const { id, type } = entry.event;
      const job = facts.jobs.get(id);
      if (job && !canTransition(job.state, type)) report(`${id} went from ${job.state} to ${type}`);
    }
    if (entry.type !== "snapshot" || !entry.eventsAreComplete) return;
    for (const { id, state } of entry.jobs) {
      const announced = facts.jobs.get(id)?.state;
      if (announced !== state) report(`${id} is ${state}, but its last event was ${announced}`);
    }
  },
};
