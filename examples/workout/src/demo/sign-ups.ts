import { eq } from "drizzle-orm";
import { clients } from "../db/schema.ts";
import type { SignUp, SignUpJobs } from "../queue-integration.ts";
import type { Stage } from "./stage.ts";

function newSignUp(run: string, name: string): SignUp {
  const clientId = `${name.toLowerCase()}-${run}`;
  return {
    clientId,
    contact: { name, email: `${clientId}@client.example` },
    plan: {
      planId: `plan-${name.toLowerCase()}-${run}`,
      name: `First plan of ${name}`,
      trainerId: `trainer-${run}`,
    },
  };
}

/** A client's row, the plan's job and the welcome in one transaction: one rolled back, one committed. */
export async function signUps(stage: Stage): Promise<void> {
  const { queue, integration, db, report, run, track } = stage;
  const known = ({ clientId }: SignUp) => db.$count(clients, eq(clients.id, clientId));
  report.scene("Two sign-ups, each with its row and its jobs in one transaction");
  const eve = newSignUp(run, "Eve");
  let unsent: SignUpJobs | null = null;
  const failure = await db
    .transaction(async (tx) => {
      unsent = await integration.signUpClient(eve, { tx });
      throw new Error("Eve's payment was declined");
    })
    .catch((error: Error) => error.message);
  report.expect("Eve's is rolled back, after its jobs were sent", failure, "Eve's payment was declined");

  const dora = newSignUp(run, "Dora");
  const sent = (await integration.signUpClient(dora))!;
  report.say("Dora's is committed.");
  track("Dora's plan", sent.plan);
  track("Dora's welcome", sent.welcome);
  const [{ saved }, { sentNow }] = await Promise.all([sent.plan.wait(), sent.welcome.wait()]);
  report.expect(
    "her row and her plan are stored, and her welcome is sent",
    [await known(dora), saved, sentNow],
    [1, true, true],
  );
  // Jobs leave the database in send order, so Eve's would be in the queue by now.
  const { plan, welcome } = unsent!;
  report.expect(
    "there is no row for Eve, and neither of her jobs reached the queue",
    [await known(eve), await queue.get(plan), await queue.get(welcome)],
    [0, null, null],
  );
  report.expect("a second click on Dora's sends nothing", await integration.signUpClient(dora), null);
  stage.expectRows({ clients: 1, plans: 1, "e-mails": 1 });
}
