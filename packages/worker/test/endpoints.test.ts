import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Probe, Probes } from "../src/endpoints/probes.ts";
import { startEndpoints } from "../src/endpoints/start-endpoints.ts";
import { CommandError, EXIT_CODES } from "../src/exit-codes.ts";

const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(probes: Partial<Probes> = {}, host = "127.0.0.1", port = 0) {
  const server = await startEndpoints(
    { host, port },
    {
      live: () => ({ ok: true }),
      ready: (): Probe => ({ ok: false, reason: "the engine has answered no claim yet" }),
      metrics: async () => ({ contentType: "text/plain; version=0.0.4; charset=utf-8", text: "up 1\n" }),
      ...probes,
    },
  );
  servers.push(server);
  return server;
}

test("probes answer with their reason, metrics as they are, and the root lists all", async () => {
  const { url } = await start();
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return [response.status, response.headers.get("content-type"), await response.text()];
  };
  expect(await get("/livez")).toEqual([200, "application/json", '{"ok":true}\n']);
  expect(await get("/readyz?verbose")).toEqual([
    503,
    "application/json",
    '{"ok":false,"reason":"the engine has answered no claim yet"}\n',
  ]);
  expect(await get("/metrics")).toEqual([200, "text/plain; version=0.0.4; charset=utf-8", "up 1\n"]);
  expect((await get("/"))[2]).toMatch(/\/livez.*\n\/readyz.*\n\/metrics/);
});

test("HEAD has the status and length of GET, and no body", async () => {
  const { url } = await start();
  const response = await fetch(`${url}/readyz`, { method: "HEAD" });
  expect([response.status, response.headers.get("content-length"), await response.text()]).toEqual([
    503,
    "61",
    "",
  ]);
});

test.each([
  ["GET", "/nope", 404],
  ["GET", "/livez/", 404],
  ["GET", "/constructor", 404],
  ["GET", "/metrics%00", 404],
  ["POST", "/livez", 405],
  ["DELETE", "/metrics", 405],
  ["OPTIONS", "/", 405],
])("%s %s answers %i with one line", async (method, path, status) => {
  const { url } = await start();
  const response = await fetch(url + path, {
    method,
    ...(method === "POST" && { body: "x".repeat(100_000) }),
  });
  expect(response.status).toBe(status);
  expect(await response.text()).toMatch(/^[^\n]+\n$/);
  expect(response.headers.get("allow")).toBe(status === 405 ? "GET, HEAD" : null);
});

test("metrics that can't be collected are a 500 with the reason", async () => {
  const { url } = await start({ metrics: () => Promise.reject(new Error("no figures")) });
  const response = await fetch(`${url}/metrics`);
  expect([response.status, await response.text()]).toEqual([500, "This endpoint failed: no figures\n"]);
});

test("a connection that is kept open doesn't keep the server from closing", async () => {
  const { url, close } = await start();
  await (await fetch(`${url}/livez`)).text();
  const idle = connect(Number(new URL(url).port), "127.0.0.1");
  await new Promise((resolve) => idle.once("connect", resolve));
  idle.write("GET /livez HTTP/1.1\r\nHost: x\r\n");
  idle.on("error", () => {});
  const closed = new Promise((resolve) => idle.once("close", resolve));
  await close();
  await closed;
});

test("a taken port is one error that says which, and what to do", async () => {
  const { url } = await start();
  const port = Number(new URL(url).port);
  const error = await start({}, "127.0.0.1", port).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CommandError);
  expect(error).toMatchObject({
    exitCode: EXIT_CODES.CONFIG,
    message: `The endpoints can't listen on 127.0.0.1:${port}: another process listens there. Stop it, or choose another port (--port and --host, QUEUE_ENDPOINTS_PORT and QUEUE_ENDPOINTS_HOST, or endpoints in the config).`,
  });
});

test("an address of another machine is refused with what to choose", async () => {
  const error = await start({}, "203.0.113.1").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    exitCode: EXIT_CODES.CONFIG,
    message: expect.stringContaining("this machine doesn't have that address. Choose 0.0.0.0"),
  });
});

test("a host of IPv6 is in brackets in the URL", async () => {
  const { url } = await start({}, "::1");
  expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});
