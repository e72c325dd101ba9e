import { describe, expect, it } from "vitest";
import { createQueueActions } from "../src/actions/index.ts";
import { openApp, signedInAs } from "./support/app.ts";

describe("server actions", () => {
  it("send as the signed-in user, and answer the job's id", async () => {
    await using app = await openApp();
    const actions = createQueueActions({ queue: app.queue, authorize: signedInAs("u1") });
    const createPlan = actions.sender("PLAN_CREATE");
    const result = await createPlan({ planId: "p1", name: "Strength" });
    expect(result).toEqual({ success: true, data: { jobId: expect.any(String), created: true } });
    const jobId = result.success ? result.data.jobId : "";
    await app.queue.wait(jobId);
    expect(await app.queue.get(jobId)).toMatchObject({
      userId: "u1",
      data: { planId: "p1", name: "Strength" },
    });
  });

  it("take dates as React passes them", async () => {
    await using app = await openApp();
    const actions = createQueueActions({ queue: app.queue, authorize: signedInAs("u1") });
    const at = new Date("2026-01-01T00:00:00.000Z");
    const result = await actions.sender("REMIND")({ at });
    expect(result).toMatchObject({ success: true });
    expect(await app.queue.get(result.success ? result.data.jobId : "")).toMatchObject({ data: { at } });
  });

  it("refuse with a public code and the fields' issues", async () => {
    await using app = await openApp();
    const actions = createQueueActions({ queue: app.queue, authorize: signedInAs("u1") });
    expect(await actions.sender("PLAN_CREATE")({ planId: "", name: "a" })).toEqual({
      success: false,
      error: {
        code: "INVALID_DATA",
        message: "Some of the data is invalid.",
        issues: [{ path: "planId", message: expect.any(String) }],
      },
    });
    expect(await actions.sender("EMAIL")({ to: "a@example.com" })).toMatchObject({
      error: { code: "FORBIDDEN" },
    });
    const nobody = createQueueActions({ queue: app.queue, authorize: signedInAs(null) });
    expect(await nobody.sender("PLAN_CREATE")({ planId: "", name: "a" })).toMatchObject({
      error: { code: "UNAUTHENTICATED" },
    });
  });

  it("send from a form's fields", async () => {
    await using app = await openApp();
    const actions = createQueueActions({ queue: app.queue, authorize: signedInAs("u1") });
    const form = new FormData();
    form.set("planId", "p1");
    form.set("name", "Strength");
    form.set("weeks", "12");
    form.set("$ACTION_ID_1", "");
    const createPlan = actions.form("PLAN_CREATE");
    // A form without `useActionState` calls it with its fields alone.
    const plain = createPlan as unknown as (form: FormData) => ReturnType<typeof createPlan>;
    for (const result of [await plain(form), await createPlan(null, form)]) {
      expect(result).toMatchObject({ success: true });
      const job = await app.queue.get(result.success ? result.data.jobId : "");
      expect(job).toMatchObject({ data: { planId: "p1", name: "Strength", weeks: 12 } });
    }
  });
});
