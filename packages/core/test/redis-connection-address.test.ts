import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";
import { runInNewContext } from "node:vm";
import { startRedis } from "@org/test-servers";
import { beforeAll, describe, expect, test } from "vitest";
import type { RedisEngineOptions } from "../src/redis/redis-options.ts";
import { cleanups, errorOf, one, open, serve } from "./redis-connection-support.ts";

describe("an address that can't be right is named as such", () => {
  let certificate: { key: string; cert: string };
  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), "queue-tls-"));
    const subject = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    const args = ["req", ...subject, "-keyout", "key.pem", "-out", "cert.pem"];
    await promisify(execFile)("openssl", args, { cwd: directory });
    const read = (name: string) => readFile(join(directory, name), "utf8");
    certificate = { key: await read("key.pem"), cert: await read("cert.pem") };
    await rm(directory, { recursive: true });
  });

  /** Errors of the calls that a wrong address makes, each of them one sentence after the other. */
  async function told(url: string, options: Partial<RedisEngineOptions> = {}) {
    const connection = open({ url, ...options });
    const [ran, listened] = await Promise.all([
      errorOf(connection.run(one, [])),
      errorOf(connection.listen("a", () => {})),
    ]);
    for (const { message } of [ran, listened]) expect(message).not.toMatch(/[.!?]\.(\s|$)/);
    expect(listened.code).toBe(ran.code);
    return ran;
  }

  async function serveTls() {
    const server = createTlsServer(certificate, () => {});
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
    return (server.address() as { port: number }).port;
  }

  test("`rediss://` to a port without TLS that keeps silent, as Redis does", async () => {
    const { url } = await serve((socket) => socket.resume());
    const error = await told(url.replace("redis:", "rediss:"), { connectTimeout: 1_000 });
    expect(error).toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    expect(error.message).toMatch(/didn't answer the TLS handshake within 1000 ms.*`redis:\/\/`/);
  });

  test("`rediss://` to a port without TLS that answers", async () => {
    const { url } = await serve((socket) =>
      socket.once("data", () => socket.write("-ERR Protocol error\r\n")),
    );
    const error = await told(url.replace("redis:", "rediss:"));
    expect(error).toMatchObject({ code: "ENGINE_MISCONFIGURED", retryable: false });
    expect(error.message).toMatch(/without TLS.*`redis:\/\/`/);
  });

  test("`redis://` to a port with TLS that hangs up", async () => {
    const error = await told(`redis://127.0.0.1:${await serveTls()}`, { connectTimeout: 300 });
    expect(error).toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    expect(error.message).toMatch(/closed the connection before it answered.*`rediss:\/\/`/);
  });

  test("`redis://` to a port with TLS that answers in it", async () => {
    const alert = Buffer.from([0x15, 3, 3, 0, 2, 2, 70]);
    const { url } = await serve((socket) => socket.once("data", () => socket.write(alert)));
    const error = await told(url);
    expect(error).toMatchObject({ code: "ENGINE_MISCONFIGURED", retryable: false });
    expect(error.message).toMatch(/answers with TLS.*`rediss:\/\/`/);
  });

  test("a certificate that nobody vouches for", async () => {
    const error = await told(`rediss://127.0.0.1:${await serveTls()}`);
    expect(error).toMatchObject({ code: "ENGINE_MISCONFIGURED", retryable: false });
    expect(error.message).toMatch(/certificate.*self-signed.*`tls\.ca`/);
  });

  test.each([
    ["a web server", "HTTP/1.1 400 Bad Request\r\n\r\n"],
    ["a shell", "SSH-2.0-OpenSSH_9.2\r\n"],
  ])("%s", async (_, answer) => {
    const { url } = await serve((socket) => socket.once("data", () => socket.write(answer)));
    const start = performance.now();
    const error = await told(url);
    expect(error).toMatchObject({ code: "ENGINE_MISCONFIGURED", retryable: false });
    expect(error.message).toMatch(/in Redis' protocol.*host and the port/);
    expect(performance.now() - start).toBeLessThan(1_500);
  });

  test("a port where nothing listens: told at once, and the engine goes on trying", async () => {
    const { url, server } = await serve(() => {});
    await new Promise((resolve) => server.close(resolve));
    const start = performance.now();
    const error = await told(url);
    expect(error).toMatchObject({ code: "ENGINE_UNAVAILABLE", retryable: true });
    expect(error.message).toContain("ECONNREFUSED");
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  test.each([
    ["", globalThis],
    // As in the sandbox of a test runner, where Node's own errors are no instances of `Error`.
    [", told by errors of another realm", runInNewContext("globalThis")],
  ])("a name with several addresses, none of which answers%s", async (_, realm: typeof globalThis) => {
    const errors = ["::1", "127.0.0.1"].map((host) => new realm.Error(`connect ECONNREFUSED ${host}:6379`));
    const client = {
      options: {},
      duplicate() {
        throw Object.assign(new realm.AggregateError(errors, ""), { code: "ECONNREFUSED" });
      },
    };
    const error = await errorOf(open({ client }).run(one, []));
    expect(error.message).toContain("connect ECONNREFUSED ::1:6379, connect ECONNREFUSED 127.0.0.1:6379.");
  });

  test("a server of a Redis Cluster", async () => {
    const redis = await startRedis({ args: ["--cluster-enabled", "yes"] });
    cleanups.push(() => redis.stop());
    const error = await told(redis.url);
    expect(error).toMatchObject({ code: "ENGINE_MISCONFIGURED", retryable: false });
    expect(error.message).toMatch(/Redis Cluster.*one primary, with or without Sentinels/);
  });
});
