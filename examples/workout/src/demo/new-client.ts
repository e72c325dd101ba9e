import { isQueueError, type JobHandle } from "@org/queue";
import { phaseCreate } from "../messages/phase.ts";
import { planCreate } from "../messages/plan.ts";
import type { Stage } from "./stage.ts";

export interface Client {
  readonly clientId: string;
  readonly planId: string;
  readonly planJob: JobHandle<typeof planCreate>;
}

function newPlan(run: string, name: string) {
  const clientId = `${name.toLowerCase()}-${run}`;
  return {
    planId: `plan-${clientId}`,
    name: `First plan of ${name}`,
    clientId,
    trainerId: `trainer-${run}`,
    client: { name, email: `${clientId}@client.example` },
  };
}

const newPhase = (planId: string, position: number) => ({
  phaseId: `${planId}-phase-${position}`,
  planId,
  position,
  name: position === 0 ? "Getting started" : "Building up",
  startWeek: 1 + 4 * position,
  weeks: 4,
});

/** A new client's plan and first phase. The phase is sent first, and still runs after the plan. */
export async function newClientInWrongOrder(stage: Stage): Promise<Client> {
  const { queue, integration, report, run, track } = stage;
  report.scene("A new client, sent in the wrong order");
  const plan = newPlan(run, "Ada");
  const phase = newPhase(plan.planId, 0);

  const planJobId = `plan-of-ada-${run}`;
  const phaseJobId = `phase-of-ada-${run}`;
  report.say("The phase is sent alone. It depends on the plan's job, which doesn't exist yet.");
  const refusal = await queue
    .send(phaseCreate, phase, { id: phaseJobId, dependsOn: [planJobId] })
    .catch((error: unknown) => error);
  if (isQueueError(refusal)) report.say(`${refusal.name}: ${refusal.message}`);
  report.expect("it is refused", isQueueError(refusal, "DEPENDENCY_NOT_FOUND"), true);
  report.expect("nothing was stored", await queue.get(phaseJobId), null);

  report.say("Now both are sent in one call, the phase first. The queue is paused, to show what is waiting.");
  await queue.pause("workouts");
  const [phaseJob, planJob] = await queue.sendMany([
    { message: phaseCreate, data: phase, options: { id: phaseJobId, dependsOn: [{ ref: "plan" }] } },
    { ref: "plan", message: planCreate, data: plan, options: { id: planJobId } },
  ]);
  track("Ada's plan", planJob);
  track("Ada's phase", phaseJob);
  report.say((await queue.explain(phaseJob)).summary);
  await queue.resume("workouts");
  await Promise.all([planJob.wait(), phaseJob.wait()]);
  const [planEnd, phaseEnd] = await Promise.all([queue.get(planJob), queue.get(phaseJob)]);
  report.expect(
    "the phase started after the plan was saved",
    planEnd!.finishedAt! <= phaseEnd!.startedAt!,
    true,
  );

  const second = await integration.queuePhaseForClient(plan, newPhase(plan.planId, 1));
  track("Ada's second phase", second.phase);
  await second.phase.wait();
  report.expect("her next phase is sent alone, because her plan is stored", second.plan, undefined);
  stage.expectRows({ clients: 1, plans: 1, phases: 2 });
  return { clientId: plan.clientId, planId: plan.planId, planJob };
}

/** What the app does for any client: it checks whether the plan exists, and sends it first if not. */
export async function newClientByTheApp(stage: Stage): Promise<Client> {
  const { integration, report, run, track } = stage;
  report.scene("Another new client, through the app's API");
  const plan = newPlan(run, "Ben");
  const { plan: planJob, phase } = await integration.queuePhaseForClient(plan, newPhase(plan.planId, 0));
  report.expect("plan and phase are sent together", planJob !== undefined, true);
  track("Ben's plan", planJob!);
  track("Ben's phase", phase);
  const { saved } = await phase.wait();
  report.expect("the phase is saved", saved, true);
  stage.expectRows({ clients: 1, plans: 1, phases: 1 });
  return { clientId: plan.clientId, planId: plan.planId, planJob: planJob! };
}
