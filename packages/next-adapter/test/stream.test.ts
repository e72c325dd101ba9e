import { describe, expect, it } from "vitest";
import { PROTOCOL_VERSION } from "../src/protocol/interests.ts";
import { createQueueRoutes } from "../src/routes/index.ts";
import { authorize, openApp, planCreate } from "./support/app.ts";
import { request } from "./support/requests.ts";
import { openStream } from "./support/stream.ts";

async function openRoutes() {
  const app = await openApp();
  const { handler } = createQueueRoutes({ queue: app.queue, authorize });
  return { ...app, handler };
}

const data = { planId: "p1", name: "Strength" };

describe("the stream", () => {
  it("sends what there is, then what changes", async () => {
    await using app = await openRoutes();
    await app.queue.send(planCreate, data, { id: "a", userId: "u1", delay: "1h" });
    const stream = await openStream(
      app.handler,
      [
        { kind: "job", id: "a" },
        { kind: "job", id: "b" },
      ],
      { user: "u1" },
    );
    expect(stream.response.headers.get("content-type")).toContain("text/event-stream");
    await stream.until(() => stream.events.some(({ event }) => event === "ready"));
    expect(stream.events[0]).toMatchObject({ event: "hello", data: { viewer: expect.any(String) } });
    expect(stream.value(0)).toMatchObject({ value: { id: "a", state: "scheduled" } });
    expect(stream.value(1)).toMatchObject({ value: null });
    await app.queue.promote("a");
    await stream.until(
      () => (stream.value(0) as { value?: { state?: string } }).value?.state === "completed",
    );
    await app.queue.send(planCreate, data, { id: "b", userId: "u1" });
    await stream.until(
      () => (stream.value(1) as { value?: { state?: string } }).value?.state === "completed",
    );
    stream.close();
    await stream.ended;
  });

  it("sends only what differs from what the client has", async () => {
    await using app = await openRoutes();
    for (const id of ["a", "b"]) await app.queue.send(planCreate, data, { id, userId: "u1", delay: "1h" });
    const interests = [
      { kind: "job", id: "a" },
      { kind: "job", id: "b" },
      { kind: "job", id: "c" },
    ] as const;
    const first = await openStream(app.handler, interests, { user: "u1" });
    await first.until(() => first.events.some(({ event }) => event === "ready"));
    const known = interests.map((_, at) => (first.value(at) as { version: string }).version);
    first.close();
    await app.queue.cancel("b");
    const second = await openStream(app.handler, interests, { user: "u1", known });
    await second.until(() => second.events.some(({ event }) => event === "ready"));
    expect(second.changes()).toEqual([
      { at: 1, version: expect.any(String), value: expect.objectContaining({ state: "cancelled" }) },
    ]);
    second.close();
  });

  it("follows a user's list, and its jobs", async () => {
    await using app = await openRoutes();
    await app.queue.send(planCreate, data, { id: "a", userId: "u1", delay: "1h" });
    await app.queue.send(planCreate, data, { id: "x", userId: "u2", delay: "1h" });
    const stream = await openStream(app.handler, [{ kind: "jobs", user: "me" }], { user: "u1" });
    await stream.until(() => stream.events.some(({ event }) => event === "ready"));
    expect(stream.changes()).toMatchObject([{ job: "a" }, { at: 0, value: { ids: ["a"], hasMore: false } }]);
    await app.queue.send(planCreate, data, { id: "b", userId: "u1", delay: "1h" });
    await stream.until(() => JSON.stringify(stream.value(0)).includes('"b"'));
    expect(stream.value(0)).toMatchObject({ value: { ids: ["b", "a"] } });
    await app.queue.cancel("a");
    await stream.until(() =>
      stream.changes().some((change) => "job" in change && change.value?.state === "cancelled"),
    );
    expect(JSON.stringify(stream.changes())).not.toContain('"x"');
    stream.close();
  });

  it("shows a foreign job as none, also if it comes later", async () => {
    await using app = await openRoutes();
    await app.queue.send(planCreate, data, { id: "a", userId: "u1", delay: "1h" });
    const stream = await openStream(
      app.handler,
      ["a", "b", "c"].map((id) => ({ kind: "job", id })),
      { user: "u2" },
    );
    await stream.until(() => stream.events.some(({ event }) => event === "ready"));
    await app.queue.send(planCreate, data, { id: "b", userId: "u1" });
    await app.queue.send(planCreate, data, { id: "c", userId: "u2" });
    await stream.until(() => JSON.stringify(stream.value(2)).includes("completed"));
    const [a, b] = [stream.value(0), stream.value(1)];
    expect(a).toMatchObject({ value: null });
    expect({ ...a, at: 1 }).toEqual(b);
    stream.close();
  });

  it("is read once by clients that poll", async () => {
    await using app = await openRoutes();
    await app.queue.send(planCreate, data, { id: "a", userId: "u1", delay: "1h" });
    const json = {
      protocol: PROTOCOL_VERSION,
      interests: [{ kind: "job", id: "a" }, { kind: "stats" }],
      known: [null, null],
    };
    const reply = await (await app.handler(request("read", { user: "u1", json }))).json();
    expect(reply).toEqual({
      viewer: expect.any(String),
      changes: [
        { at: 1, error: expect.objectContaining({ code: "FORBIDDEN" }) },
        { at: 0, version: expect.any(String), value: expect.objectContaining({ state: "scheduled" }) },
      ],
    });
    const again = { ...json, known: [reply.changes[1].version, null] };
    const unchanged = await (await app.handler(request("read", { user: "u1", json: again }))).json();
    expect(unchanged.changes).toHaveLength(1);
    const outdated = await app.handler(request("read", { user: "u1", json: { ...json, protocol: 0 } }));
    expect(outdated.status).toBe(409);
  });
});
