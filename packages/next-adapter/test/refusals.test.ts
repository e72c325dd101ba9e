import { describe, expect, it } from "vitest";
import { PROTOCOL_VERSION } from "../src/protocol/interests.ts";
import { createQueueRoutes } from "../src/routes/index.ts";
import { ROUTES } from "../src/routes/route-table.ts";
import { authorize, openApp } from "./support/app.ts";
import { request } from "./support/requests.ts";

type Init = Parameters<typeof request>[1];

const BIG = { messageType: "PLAN_CREATE", data: { planId: "p", name: "x".repeat(10_000_000) } };
const DEEP = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;

const FOLLOWED = { protocol: PROTOCOL_VERSION, interests: [{ kind: "job", id: "of-u1" }], known: [null] };

/** Of the routes that take one. */
const BODIES: Readonly<Record<string, object>> = {
  "POST jobs": { messageType: "EMAIL", data: { to: "a@example.com" } },
  "POST read": FOLLOWED,
  "POST stream": FOLLOWED,
};

/** What is wrong with a request, and the statuses that may answer it. */
const HOSTILE: readonly (readonly [what: string, init: Init, statuses: readonly number[]])[] = [
  ["nobody signed in", {}, [401]],
  ["another user's ids", { user: "u2" }, [403, 404]],
  [
    "a page of another site",
    { user: "u1", headers: { "sec-fetch-site": "cross-site", origin: "https://evil.example" } },
    [403, 404],
  ],
  ["the origin null", { user: "u1", headers: { "sec-fetch-site": "", origin: "null" } }, [403, 404]],
  ["a token, where none are accepted", { headers: { authorization: "Bearer a.b.c" } }, [401]],
];

/** With a job of the user u1 that waits, and a status table. */
async function openRoutes() {
  const app = await openApp();
  const logged: unknown[] = [];
  const log = (...args: unknown[]) => logged.push(args);
  const store = {
    keyNames: ["guildId"],
    fieldNames: ["count"],
    get: async () => null,
    list: async () => ({ rows: [] }),
  };
  const { handler } = createQueueRoutes({
    queue: app.queue,
    authorize,
    statuses: { scans: { store: store as never } },
    logger: { warn: log, error: log },
  });
  await app.queue.send(app.queue.registry.get("PLAN_CREATE") as never, { planId: "p", name: "n" } as never, {
    id: "of-u1",
    userId: "u1",
    delay: "1h",
  });
  return { ...app, handler, logged };
}

describe.each(ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))("%s", (_, route) => {
  const path = route.path.replace(":id", "of-u1").replace(":table", "scans");
  const json = BODIES[`${route.method} ${route.path}`];
  const isSafe = route.method === "GET";

  const query = route.path === "statuses/:table/row" ? "?guildId=g1" : "";

  it.each(HOSTILE)("refuses %s", async (what, init, statuses) => {
    await using app = await openRoutes();
    const response = await app.handler(
      request(`${path}${query}`, { ...init, ...(json && { json }), method: route.method }),
    );
    const text = response.headers.get("content-type")?.includes("event-stream")
      ? await untilReady(response)
      : await response.text();
    // A page of another site can't read what it gets, nor change anything by a safe method.
    const isHarmless = isSafe && (what.includes("site") || what.includes("origin"));
    // What is empty is no leak.
    const isEmpty = response.status === 200 && !/"(id|guildId|state)":/.test(text);
    if (isHarmless) expect(response.headers.get("access-control-allow-origin")).toBeNull();
    else if (!isEmpty) expect(statuses, text).toContain(response.status);
    expect(text).not.toMatch(/node_modules|at .*:\d+:\d+|x-user/);
    expect(app.logged).toEqual([]);
    expect(await app.queue.get("of-u1")).toMatchObject({ state: "scheduled" });
  });

  it("answers HEAD, OPTIONS and methods that it doesn't take", async () => {
    await using app = await openRoutes();
    const head = await app.handler(request(`${path}${query}`, { user: "admin", method: "HEAD" }));
    expect(await head.text()).toBe("");
    expect([200, 404, 405]).toContain(head.status);
    const options = await app.handler(request(path, { method: "OPTIONS" }));
    expect(options.status).toBe(204);
    expect(options.headers.get("allow")).toContain(route.method);
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      const refused = await app.handler(request(path, { user: "admin", method }));
      expect(refused.status).toBe(405);
      expect(refused.headers.get("allow")).toContain(route.method);
    }
  });
});

describe("bodies", () => {
  it("refuses bodies that are malformed, large or deep", async () => {
    await using app = await openRoutes();
    const bodies: readonly (readonly [RequestInit, number])[] = [
      [{ body: "{", headers: { "content-type": "application/json" } }, 400],
      [{ body: "", headers: { "content-type": "application/json" } }, 400],
      [{ body: "null", headers: { "content-type": "application/json" } }, 400],
      [{ body: DEEP, headers: { "content-type": "application/json" } }, 400],
      [
        {
          body: `{"messageType":"PLAN_CREATE","data":${DEEP}}`,
          headers: { "content-type": "application/json" },
        },
        413,
      ],
      [{ body: JSON.stringify(BIG), headers: { "content-type": "application/json" } }, 413],
      [{ body: "messageType=EMAIL", headers: { "content-type": "application/x-www-form-urlencoded" } }, 415],
      [{ body: "{}", headers: { "content-type": "text/plain" } }, 415],
      [
        { body: endless(), headers: { "content-type": "application/json" }, duplex: "half" } as RequestInit,
        413,
      ],
      [
        { body: '{"messageType":"__proto__","data":{}}', headers: { "content-type": "application/json" } },
        404,
      ],
      [
        {
          body: '{"messageType":"PLAN_CREATE","data":{"__proto__":{"planId":"p"},"name":"n"}}',
          headers: { "content-type": "application/json" },
        },
        422,
      ],
    ];
    for (const [init, status] of bodies) {
      const response = await app.handler(request("jobs", { ...init, user: "u1", method: "POST" }));
      expect(response.status, String(init.body).slice(0, 80)).toBe(status);
      expect(await response.json()).toEqual({ error: expect.objectContaining({ code: expect.any(String) }) });
    }
    expect(app.logged).toEqual([]);
  });
});

/** What a stream sends at first. */
async function untilReady(response: Response): Promise<string> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("event: ready")) text += (await reader.read()).value;
  await reader.cancel();
  return text;
}

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)) });
}
