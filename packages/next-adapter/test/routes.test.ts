import { describe, expect, it } from "vitest";
import { createQueueRoutes, signAccessToken } from "../src/routes/index.ts";
import { authorize, openApp } from "./support/app.ts";
import { request } from "./support/requests.ts";

const plan = { messageType: "PLAN_CREATE", data: { planId: "p1", name: "Strength" } };

async function openRoutes(options: Partial<Parameters<typeof createQueueRoutes>[0]> = {}) {
  const app = await openApp();
  const { handler } = createQueueRoutes({ queue: app.queue, authorize, ...options } as never);
  const call = async (...args: Parameters<typeof request>) => {
    const response = await handler(request(...args));
    const text = await response.text();
    return { response, status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
  return { ...app, handler, call };
}

describe("routes", () => {
  it("send a job and show its public form only", async () => {
    await using app = await openRoutes();
    const { status, body } = await app.call("jobs", { user: "u1", json: plan });
    expect(status).toBe(201);
    expect(body).toEqual({ jobId: expect.any(String), created: true });
    await app.queue.wait(body.jobId);
    const read = await app.call(`jobs/${body.jobId}`, { user: "u1" });
    expect(read.body.job).toEqual({
      id: body.jobId,
      messageType: "PLAN_CREATE",
      state: "completed",
      result: { planId: "p1", secret: "[redacted]" },
      attempt: 1,
      maxAttempts: 2,
      sentAt: expect.any(String),
      startedAt: expect.any(String),
      finishedAt: expect.any(String),
    });
  });

  it("show none of what a handler threw", async () => {
    await using app = await openRoutes();
    const { body } = await app.call("jobs", {
      user: "u1",
      json: { ...plan, data: { planId: "p", name: "fail" } },
    });
    await app.queue.wait(body.jobId).catch(() => undefined);
    const read = await app.call(`jobs/${body.jobId}`, { user: "u1" });
    expect(read.body.job).toMatchObject({
      state: "failed",
      error: { code: "INTERNAL_ERROR", message: "The job failed." },
    });
    expect(JSON.stringify(read.body)).not.toMatch(/postgres|10\.0\.0\.1|stack/);
  });

  it("send several, each by itself, in order", async () => {
    await using app = await openRoutes();
    const jobs = [
      { ...plan, id: "a" },
      { messageType: "EMAIL", data: { to: "a@example.com" } },
      { ...plan, dependsOn: ["a"] },
      { ...plan, data: {} },
    ];
    const { status, body } = await app.call("jobs", { user: "u1", json: { jobs } });
    expect(status).toBe(207);
    expect(body.results).toMatchObject([
      { jobId: "a", created: true },
      { error: { code: "FORBIDDEN" } },
      { created: true },
      { error: { code: "INVALID_DATA" } },
    ]);
  });

  it("answer a foreign job as an unknown one", async () => {
    await using app = await openRoutes();
    const { body } = await app.call("jobs", { user: "u1", json: { ...plan, id: "of-u1", delay: "1h" } });
    expect(body.jobId).toBe("of-u1");
    for (const path of ["jobs/of-u1", "jobs/unknown"]) {
      const read = await app.call(path, { user: "u2" });
      expect([read.status, read.body]).toEqual([
        404,
        { error: expect.objectContaining({ code: "JOB_NOT_FOUND" }) },
      ]);
    }
    for (const operation of ["cancel", "retry"]) {
      const foreign = await app.call(`jobs/of-u1/${operation}`, { user: "u2", method: "POST" });
      const unknown = await app.call(`jobs/unknown/${operation}`, { user: "u2", method: "POST" });
      expect([foreign.status, foreign.body]).toEqual([unknown.status, unknown.body]);
    }
    const dependent = await app.call("jobs", { user: "u2", json: { ...plan, dependsOn: ["of-u1"] } });
    const orphan = await app.call("jobs", { user: "u2", json: { ...plan, dependsOn: ["unknown"] } });
    expect([dependent.status, dependent.body]).toEqual([orphan.status, orphan.body]);
    const repeated = await app.call("jobs", { user: "u2", json: { ...plan, id: "of-u1" } });
    expect([repeated.status, repeated.body.error.code]).toEqual([409, "ID_IN_USE"]);
    const ids = await app.call("jobs?ids=of-u1,unknown", { user: "u2" });
    expect(ids.body).toEqual({ jobs: [null, null] });
    expect(await app.queue.get("of-u1")).toMatchObject({ state: "scheduled" });
  });

  it("list a user's own jobs, and others only where it is allowed", async () => {
    await using app = await openRoutes();
    for (const user of ["u1", "u2"]) await app.call("jobs", { user, json: { ...plan, delay: "1h" } });
    expect((await app.call("jobs", { user: "u1" })).body.jobs).toHaveLength(1);
    expect((await app.call("jobs?userId=u2", { user: "u1" })).body).toEqual({ jobs: [] });
    expect((await app.call("jobs", { user: "admin" })).body.jobs).toHaveLength(2);
    expect((await app.call("jobs?userId=u2&state=scheduled", { user: "admin" })).body.jobs).toHaveLength(1);
  });

  it("bound what a client may ask of a send", async () => {
    await using app = await openRoutes({ bounds: { maxDelay: "1h", maxAttempts: 3, maxJobs: 2 } });
    const refused = [
      { delay: "2h" },
      { attempts: 4 },
      { priority: -1 },
      { delay: -5 },
      { delay: "soon" },
      { tx: {} },
    ];
    for (const options of refused) {
      const { status, body } = await app.call("jobs", { user: "u1", json: { ...plan, ...options } });
      expect([status, body.error.code], JSON.stringify(options)).toEqual([400, "INVALID_OPTIONS"]);
    }
    const other = await app.call("jobs", { user: "u1", json: { ...plan, userId: "u2" } });
    expect([other.status, other.body.error.code]).toEqual([403, "FORBIDDEN"]);
    const many = await app.call("jobs", { user: "u1", json: { jobs: [plan, plan, plan] } });
    expect(many.status).toBe(400);
  });

  it("answer 304 only to who may see the job", async () => {
    await using app = await openRoutes();
    const { body } = await app.call("jobs", { user: "u1", json: { ...plan, delay: "1h" } });
    const first = await app.call(`jobs/${body.jobId}`, { user: "u1" });
    const headers = { "if-none-match": first.response.headers.get("etag")! };
    expect(first.response.headers.get("cache-control")).toBe("private, no-cache");
    expect((await app.call(`jobs/${body.jobId}`, { user: "u1", headers })).status).toBe(304);
    expect((await app.call(`jobs/${body.jobId}`, { user: "u2", headers })).status).toBe(404);
    expect((await app.call(`jobs/${body.jobId}`, { headers })).status).toBe(401);
  });

  it("accept a token for what it names, from an allowed origin", async () => {
    const tokens = { keys: { k2: "2".repeat(32), k1: "1".repeat(32) }, audience: "app" };
    await using app = await openRoutes({ tokens, origins: ["https://other.example"] });
    await app.call("jobs", { user: "u1", json: { ...plan, id: "a", delay: "1h" } });
    await app.call("jobs", { user: "u1", json: { ...plan, id: "b", delay: "1h" } });
    const bearer = async (given: Promise<string>) => ({
      authorization: `Bearer ${await given}`,
      origin: "https://other.example",
      "sec-fetch-site": "cross-site",
    });
    const claims = { userId: "u1", actions: ["read-jobs", "cancel-job"], jobs: ["a"] } as const;
    const headers = await bearer(signAccessToken(tokens, claims));
    const read = await app.call("jobs/a", { headers });
    expect(read.status).toBe(200);
    expect(read.response.headers.get("access-control-allow-origin")).toBe("https://other.example");
    expect((await app.call("jobs/b", { headers })).status).toBe(404);
    expect((await app.call("jobs/a/retry", { headers, method: "POST" })).status).toBe(403);
    expect((await app.call("jobs/a/cancel", { headers, method: "POST" })).status).toBe(200);

    const old = { ...tokens, keys: { k1: tokens.keys.k1 } };
    expect((await app.call("jobs/a", { headers: await bearer(signAccessToken(old, claims)) })).status).toBe(
      200,
    );
    const bad = [
      signAccessToken(tokens, claims, { expiresIn: "1m", now: Date.now() - 120_000 }),
      signAccessToken({ ...tokens, audience: "other" }, claims),
      signAccessToken({ ...tokens, keys: { k2: "x".repeat(32) } }, claims),
      signAccessToken({ ...tokens, keys: { k3: "2".repeat(32) } }, claims),
      signAccessToken(tokens, claims).then((token) => `${token.slice(0, -2)}AA`),
      Promise.resolve("a.b.c"),
      Promise.resolve("....."),
    ];
    for (const token of bad) {
      expect((await app.call("jobs/a", { user: "u1", headers: await bearer(token) })).status).toBe(401);
    }
    await expect(signAccessToken(tokens, claims, { expiresIn: "16m" })).rejects.toThrow("up to 15m");
  });
});
