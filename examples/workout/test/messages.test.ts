import { describe, expect, test } from "vitest";
import { planCreate } from "../src/messages/plan.ts";
import { registry } from "../src/registry.ts";

const id = "part-1";
const other = "plan-123";
const set = { label: "A", name: "Back squat", sets: 5, reps: { unit: "reps", low: 5 } };
const phase = { position: 0, name: "Accumulation", startWeek: 1, weeks: 4 };
const session = { week: 1, day: 1, name: "Lower A", type: "strength" };
const plan = { name: "Strength", clientId: "client-1", trainerId: "trainer-1" };

type Name = (typeof registry.messages)[number]["name"];
type Case = {
  readonly good: readonly unknown[];
  /** Invalid data, with the path of the first problem. */
  readonly bad: readonly (readonly [data: unknown, path: string])[];
};

const CASES: Record<Name, Case> = {
  TEST: {
    good: [{ note: "hello" }, { note: "hello", takesMs: 5, notify: "ada", failures: 2, hopeless: true }],
    bad: [
      [{}, "note"],
      [{ note: "x", failures: -1 }, "failures"],
    ],
  },
  USER_ACTION: {
    good: [
      { actionId: id, userId: "u", action: "plan.opened", occurredAt: "2026-11-02T08:00:00Z" },
      { actionId: id, userId: "u", action: "a.b-c", occurredAt: "2026-11-02T08:00:00Z", details: { n: 1 } },
    ],
    bad: [
      [{ actionId: id, userId: "u", action: "Opened", occurredAt: "2026-11-02T08:00:00Z" }, "action"],
      [{ actionId: id, userId: "u", action: "plan.opened", occurredAt: "yesterday" }, "occurredAt"],
      [
        { actionId: id, userId: "u", action: "a.b", occurredAt: "2026-11-02T08:00:00Z", details: { n: [] } },
        "details.n",
      ],
    ],
  },
  NOTIFICATION: {
    good: [{ notificationId: id, userId: "u", kind: "plan", title: "New plan", body: "", link: "/plans/1" }],
    bad: [
      [{ notificationId: id, userId: "u", kind: "spam", title: "t", body: "" }, "kind"],
      [{ notificationId: id, userId: "u", kind: "plan", title: "t", body: "", link: "//evil" }, "link"],
      [{ notificationId: id, userId: "u", kind: "plan", title: " ", body: "" }, "title"],
    ],
  },
  EMAIL: {
    good: [{ emailId: id, to: ["a@b.example"], subject: "Hi", text: "Hello" }],
    bad: [
      [{ emailId: id, to: [], subject: "Hi", text: "Hello" }, "to"],
      [{ emailId: id, to: ["nobody"], subject: "Hi", text: "Hello" }, "to.0"],
      [{ emailId: id, to: ["a@b.example"], subject: "Hi\r\nBcc: c@d.example", text: "Hello" }, "subject"],
    ],
  },
  DATA_SYNC: {
    good: [{ syncId: id }, { syncId: id, clientId: "client-1" }],
    bad: [[{ syncId: "no spaces" }, "syncId"]],
  },
  WORKOUT_UPDATE: {
    good: [{ planId: id, changes: { name: "New", goal: null } }],
    bad: [
      [{ planId: id, changes: {} }, "changes"],
      [{ planId: id, changes: { status: "gone" } }, "changes.status"],
      [{ planId: id, changes: { clientId: "c" } }, "changes"],
    ],
  },
  WORKOUT_PLAN_CREATE: {
    good: [
      { planId: id, ...plan },
      { planId: id, ...plan, client: { name: "Ada", email: "ada@b.example" }, startsOn: "2026-11-02" },
    ],
    bad: [
      [{ planId: "plan 1", ...plan }, "planId"],
      [{ planId: id, ...plan, clientId: "no spaces" }, "clientId"],
      [{ planId: id, ...plan, startsOn: "2026-02-30" }, "startsOn"],
      [{ planId: id, ...plan, client: { name: "Ada", email: "ada" } }, "client.email"],
    ],
  },
  WORKOUT_PHASE_CREATE: {
    good: [{ phaseId: id, planId: other, ...phase }],
    bad: [
      [{ phaseId: id, ...phase }, "planId"],
      [{ phaseId: id, planId: other, ...phase, weeks: 0 }, "weeks"],
      [{ phaseId: id, planId: other, ...phase, colour: "red" }, ""],
    ],
  },
  WORKOUT_PHASE_UPDATE: {
    good: [{ phaseId: id, planId: other, changes: { weeks: 3 } }],
    bad: [[{ phaseId: id, planId: other, changes: { startWeek: 0 } }, "changes.startWeek"]],
  },
  WORKOUT_PHASE_DELETE: { good: [{ phaseId: id, planId: other }], bad: [[{ planId: other }, "phaseId"]] },
  WORKOUT_SESSION_CREATE: {
    good: [{ sessionId: id, planId: other, phaseId: other, ...session }],
    bad: [
      [{ sessionId: id, planId: other, phaseId: other, ...session, day: 8 }, "day"],
      [{ sessionId: id, planId: other, phaseId: other, ...session, type: "yoga" }, "type"],
    ],
  },
  WORKOUT_SESSION_UPDATE: {
    good: [{ sessionId: id, planId: other, changes: { phaseId: id, day: 7 } }],
    bad: [[{ sessionId: id, planId: other, changes: {} }, "changes"]],
  },
  WORKOUT_SESSION_DELETE: { good: [{ sessionId: id, planId: other }], bad: [[{ sessionId: id }, "planId"]] },
  WORKOUT_EXERCISE_CREATE: {
    good: [
      { exerciseId: id, planId: other, sessionId: other, position: 0, ...set },
      {
        exerciseId: id,
        planId: other,
        sessionId: other,
        position: 3,
        ...set,
        reps: { unit: "seconds", low: 30, high: 45, perSide: true },
        load: { kind: "weight", kg: 24, count: 2 },
        rpe: { low: 7, high: 8 },
        tempo: "3-1-X-0",
        restSeconds: 90,
      },
    ],
    bad: [
      [{ exerciseId: id, planId: other, sessionId: other, position: 0, ...set, sets: 0 }, "sets"],
      [
        {
          exerciseId: id,
          planId: other,
          sessionId: other,
          position: 0,
          ...set,
          reps: { unit: "reps", low: 8, high: 8 },
        },
        "reps.high",
      ],
      [
        {
          exerciseId: id,
          planId: other,
          sessionId: other,
          position: 0,
          ...set,
          load: { kind: "percent", percent: 160 },
        },
        "load.percent",
      ],
      [
        { exerciseId: id, planId: other, sessionId: other, position: 0, ...set, rpe: { low: 7.3 } },
        "rpe.low",
      ],
    ],
  },
  WORKOUT_EXERCISE_UPDATE: {
    good: [{ exerciseId: id, planId: other, changes: { load: null, sets: 3 } }],
    bad: [[{ exerciseId: id, planId: other, changes: { tempo: "slow" } }, "changes.tempo"]],
  },
  WORKOUT_EXERCISE_DELETE: { good: [{ exerciseId: id, planId: other }], bad: [[{}, "exerciseId"]] },
  WORKOUT_PLAN_FULL_SAVE: {
    good: [
      {
        planId: id,
        plan,
        phaseIds: [other],
        phases: [
          {
            phaseId: other,
            ...phase,
            sessions: [{ sessionId: id, ...session, exercises: [{ exerciseId: id, ...set }] }],
          },
        ],
      },
    ],
    bad: [
      [{ planId: id, plan, phaseIds: [], phases: [{ phaseId: other, ...phase, sessions: [] }] }, "phaseIds"],
      [
        {
          planId: id,
          plan,
          phaseIds: [other],
          phases: [
            {
              phaseId: other,
              ...phase,
              sessions: [{ sessionId: id, ...session, exercises: [{ exerciseId: id, ...set, name: "" }] }],
            },
          ],
        },
        "phases.0.sessions.0.exercises.0.name",
      ],
    ],
  },
};

test("the registry has all seventeen messages, by the names that clients send", () => {
  expect(registry.messages.map(({ name }) => name).toSorted()).toEqual(Object.keys(CASES).toSorted());
  const names = ["TEST", "USER_ACTION", "NOTIFICATION", "EMAIL", "DATA_SYNC", "WORKOUT_UPDATE"];
  const parts = ["PHASE", "SESSION", "EXERCISE"].flatMap((part) =>
    ["CREATE", "UPDATE", "DELETE"].map((change) => `WORKOUT_${part}_${change}`),
  );
  const plans = ["WORKOUT_PLAN_CREATE", "WORKOUT_PLAN_FULL_SAVE"];
  expect(Object.keys(CASES).toSorted()).toEqual([...names, ...parts, ...plans].toSorted());
});

test.each(["plan-123", "0d5f6a52-8a0c-4a44-9d7e-1c1f6f7a9b01", "Plan_9.b:2", "x".repeat(64)])(
  "the id %s is accepted",
  (planId) => {
    expect(planCreate.data.safeParse({ planId, ...plan }).success).toBe(true);
  },
);

test.each(["", "no spaces", "x".repeat(65), "plan/1", "plan\n", "plän"])("the id %j is refused", (planId) => {
  expect(planCreate.data.safeParse({ planId, ...plan }).error?.issues[0]?.path).toEqual(["planId"]);
});

describe.each(registry.messages)("$name", (message) => {
  const { good, bad } = CASES[message.name];

  test.each(good)("accepts %j", (data) => {
    expect(message.data.safeParse(data).error?.issues).toBeUndefined();
  });

  test.each(bad)("refuses %j at %s", (data, path) => {
    expect(message.data.safeParse(data).error?.issues[0]?.path.join(".")).toBe(path);
  });

  test("has four attempts, after 2, 4 and 8 seconds", () => {
    expect(message.attempts).toBe(4);
    expect(message.backoff).toMatchObject({ type: "exponential", delay: 2_000 });
  });

  test("has a timeout and a result", () => {
    expect(message.timeout).toBeGreaterThan(0);
    expect(message.result).toBeDefined();
  });
});
