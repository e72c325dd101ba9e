import { createServer, type Server } from "node:net";
import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attempt, inProcess, ON_REDIS } from "../support/attempt.ts";
import { CONFIG } from "../support/temporary-project.ts";

/** Every way to hold the command wrong that isn't a matter of one command, with all that it prints. */

const DOCTOR = "To look closer: queue doctor";
const FORMS =
  'It takes "redis://user:password@host:6379/0", "rediss://…" for TLS, or "unix:///path/to/redis.sock?db=0"; ' +
  "special characters in the password are percent-encoded.";
const AWAY = "Running processes reconnect by themselves.";

let server: TestServer;
/** Answers as an old Redis does. */
let old: Server;
function answerOf(call: string): string {
  const info = "redis_version:5.0.7\r\nrole:master\r\n";
  if (/\binfo\b/i.test(call)) return `$${info.length}\r\n${info}\r\n`;
  if (/\bhello\b/i.test(call)) return "-ERR unknown command `HELLO`, with args beginning with: \r\n";
  return /\bget\b/i.test(call) ? "$-1\r\n" : ":0\r\n";
}
const portOf = (listener: Server) => (listener.address() as { port: number }).port;

beforeAll(async () => {
  server = await startRedis({ args: ["--requirepass", "sesame"] });
  const admin = new Redis(server.url.replace("//", "//:sesame@"));
  await admin.call(
    "ACL",
    "SETUSER",
    "reader",
    "on",
    ">pw",
    "~*",
    "&*",
    "+@read",
    "+@connection",
    "+evalsha",
    "+eval",
    "+info",
    "+time",
  );
  await admin.quit();
  old = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      for (const call of data
        .toString()
        .split(/\*\d+\r\n/)
        .slice(1))
        socket.write(answerOf(call));
    });
  }).listen(0, "127.0.0.1");
});

afterAll(async () => {
  old?.close();
  await server?.stop();
});

describe("a mistake in the config", () => {
  test.each<[string, string | undefined, string]>([
    [
      "none",
      undefined,
      "There is no queue.config.ts (or .mts, .js, .mjs) in ~ or above it. Create one with " +
        "`export default defineConfig({ queue, handlers })`, or name yours with --config FILE.",
    ],
    ["syntax", "export default {", "~/queue.config.ts:1:16: syntax error: Unexpected token."],
    [
      "a type",
      "export default { queue: 5 };",
      "~/queue.config.ts:1: queue is 5: expected a queue (createQueue), or a function that opens it: () => createQueue({ … }).",
    ],
  ])("%s", async (_, config, message) => {
    expect(await attempt("queues", config)).toEqual({ code: 78, stdout: "", stderr: `error: ${message}\n` });
  });
});

// All in one test, at once: each waits for seconds.
test("a config that ends the process, or never settles", async () => {
  const cases = [
    ["process.exit(0);", "~/queue.config.ts has ended the process (process.exit)."],
    ["await new Promise(() => {});", "~/queue.config.ts awaits what never comes."],
    [
      "export default { queue: () => process.exit() };",
      "~/queue.config.ts: the function of queue has ended the process (process.exit).",
    ],
    [
      "export default { queue: () => new Promise(() => {}) };",
      "~/queue.config.ts: the function of queue awaits what never comes.",
    ],
  ] as const;
  const ends = await Promise.all(cases.map(([config]) => attempt("queues", config, { run: inProcess })));
  expect(ends).toEqual(cases.map(([, message]) => ({ code: 78, stdout: "", stderr: `error: ${message}\n` })));
});

describe("a server that can't be used", () => {
  test.each<[string, () => string, number, string]>([
    [
      "a scheme",
      () => "http://localhost",
      78,
      `~/queue.config.ts:10: REDIS_URL has an unknown scheme. ${FORMS}`,
    ],
    [
      "a host name",
      () => "redis://nowhere.invalid",
      69,
      `Redis at nowhere.invalid:6379 can't be reached: getaddrinfo ENOTFOUND nowhere.invalid. ${AWAY} ${DOCTOR}`,
    ],
    [
      "a port",
      () => "redis://127.0.0.1:1",
      69,
      `Redis at 127.0.0.1:1 can't be reached: connect ECONNREFUSED 127.0.0.1:1. ${AWAY} ${DOCTOR}`,
    ],
    [
      "no password",
      () => server.url,
      78,
      `Redis at HOST refused: NOAUTH Authentication required. Put its password into the Redis URL: "redis://:password@host:6379". ${DOCTOR}`,
    ],
    [
      "a wrong password",
      () => server.url.replace("//", "//:barley@"),
      78,
      `Redis at HOST refused: WRONGPASS invalid username-password pair or user is disabled. Check the user and the password in the Redis URL. ${DOCTOR}`,
    ],
    [
      "an old version",
      () => `redis://127.0.0.1:${portOf(old)}`,
      78,
      `Redis at HOST can't be used: its version is 5.0.7. Upgrade it to Redis 6.2 or later, or to Valkey. ${DOCTOR}`,
    ],
  ])(
    "%s",
    async (_, url, code, message) => {
      const address = new URL(url()).host;
      expect(await attempt("queues", ON_REDIS, { env: { REDIS_URL: url() } })).toEqual({
        code,
        stdout: "",
        stderr: `error: ${message.replace("HOST", address)}\n`,
      });
    },
    8_000,
  );

  test("an evicting policy", async () => {
    const evicting = await startRedis({ args: ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"] });
    const { code, stdout, stderr } = await attempt("queues", ON_REDIS, { env: { REDIS_URL: evicting.url } });
    await evicting.stop();
    expect([code, stdout]).toEqual([78, ""]);
    expect(stderr).toMatch(
      /^error: .*its maxmemory-policy is allkeys-lru.*CONFIG SET maxmemory-policy noeviction.*\n$/,
    );
  });

  test("a user who may not follow events", async () => {
    const url = server.url.replace("//", "//reader:pw@");
    const { code, stderr } = await attempt("tail", ON_REDIS, { env: { REDIS_URL: url } });
    expect(code).toBe(78);
    expect(stderr).toContain("ACL SETUSER reader +subscribe +unsubscribe &{queue}:*");
  });

  test("a user who may only read: health judges the rest", async () => {
    const url = server.url.replace("//", "//reader:pw@");
    const { code, stdout } = await attempt("health", ON_REDIS, { env: { REDIS_URL: url } });
    expect([code, stdout.split("\n")[1]]).toEqual([
      0,
      "This user may only read: whether the server accepts writes wasn't checked.",
    ]);
  });
});

describe("an embedded engine that nobody has chosen", () => {
  test.each(["send MAIL --data {}", "pause mails", "health", "jobs", "tail"])(
    "%s is refused: it would see none of the app's jobs",
    async (line) => {
      const { code, stdout, stderr } = await attempt(line, CONFIG);
      expect([code, stdout]).toEqual([78, ""]);
      expect(stderr).toBe(
        "error: The config's queue is on the embedded engine, whose jobs live in one process: this command would see none " +
          "of the app's, and lose what it sends. Set REDIS_URL, and use engineFromEnv() in the config; or " +
          "QUEUE_ENGINE=memory if that is meant.\n",
      );
    },
  );

  test.each(["check", "doctor"])("%s looks at the config all the same", async (line) => {
    expect((await attempt(line, CONFIG)).stderr).toBe("");
  });
});

describe("a command line", () => {
  test.each<[string, string]>([
    ["quues", "Unknown command quues. Did you mean queues? See: queue --help"],
    ["queues --jsn", "Unknown flag --jsn. Did you mean --json? See: queue queues --help"],
    ["jobs stat:failed", 'Column 1 of the query: there is no qualifier "stat". Did you mean state:?'],
    ["send MAIL --delay -1", "--delay has no value. One that begins with a dash: --delay=-VALUE."],
    ["jobs -c -x", "-c has no value. One that begins with a dash: --config=-VALUE."],
    [
      "send MAIL --delay 9999d",
      '--delay is "9999d": expected a duration such as 500ms, 30s, 15m, 2h or 7d, at most 3650d.',
    ],
    [
      'send MAIL --data {"to":"a"} --metadata {"__proto__":"x"}',
      "--metadata: __proto__: the key __proto__ is not allowed",
    ],
    ["cancel z --yes --reason=", "--reason: it is empty, and 1 to 1,000 are taken."],
    ["jobs error:zzz", 'No failure group has "zzz" in its code or text. See the groups: queue failures'],
  ])("%s", async (line, message) => {
    const { code, stdout, stderr } = await attempt(line, CONFIG, { env: { QUEUE_ENGINE: "memory" } });
    expect([code, stdout]).toEqual([64, ""]);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).not.toContain("    at ");
  });
});
