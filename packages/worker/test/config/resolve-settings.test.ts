import { describe, expect, test } from "vitest";
import type { QueueConfig } from "../../src/config/config.ts";
import { resolveSettings, SETTINGS, type SettingFlag } from "../../src/config/resolve-settings.ts";

const queue = () => {
  throw new Error("settings open nothing");
};
const resolve = (
  given: {
    flags?: object;
    env?: Record<string, string>;
    config?: Partial<QueueConfig>;
    isTerminal?: boolean;
  } = {},
) => resolveSettings({ flags: {}, env: {}, ...given, config: { queue, ...given.config } });

describe("settings of a worker process", () => {
  test("have defaults", () => {
    expect(resolve()).toEqual({
      processes: 1,
      concurrency: undefined,
      stopTimeout: 8_000,
      logs: { level: "info", format: "json", logger: undefined, intoJobs: false },
      endpoints: undefined,
      watchdogs: { slowFactor: 10, blockedFor: 1_000, killBlockedAfter: 30_000, maxMemory: undefined },
      restarts: { pause: 1_000, giveUpAfter: 5 },
    });
    expect(resolve({ isTerminal: true }).logs.format).toBe("pretty");
  });

  test("are the flag's, then the environment's, then the config's", () => {
    const config = { processes: 2 };
    const env = { QUEUE_PROCESSES: "3" };
    expect(resolve({ config }).processes).toBe(2);
    expect(resolve({ config, env }).processes).toBe(3);
    expect(resolve({ config, env, flags: { processes: "4" } }).processes).toBe(4);
    expect(resolve({ config, env: { QUEUE_PROCESSES: "" } }).processes).toBe(2);
  });

  test("take every option of the config", () => {
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    expect(
      resolve({
        config: {
          stopTimeout: "25s",
          processes: 4,
          logs: { level: "warn", format: "pretty", logger, intoJobs: true },
          endpoints: { port: 9400, host: "::1" },
          watch: { slowFactor: 3, blockedFor: 500, killBlockedAfter: "1m", maxMemory: 512 },
          restarts: { pause: "5s", giveUpAfter: 20 },
        },
      }),
    ).toEqual({
      processes: 4,
      concurrency: undefined,
      stopTimeout: 25_000,
      logs: { level: "warn", format: "pretty", logger, intoJobs: true },
      endpoints: { port: 9400, host: "::1" },
      watchdogs: { slowFactor: 3, blockedFor: 500, killBlockedAfter: 60_000, maxMemory: 536_870_912 },
      restarts: { pause: 5_000, giveUpAfter: 20 },
    });
  });

  test("take every variable of the environment", () => {
    expect(
      resolve({
        env: {
          QUEUE_PROCESSES: "64",
          QUEUE_CONCURRENCY: "50",
          QUEUE_STOP_TIMEOUT: "0ms",
          QUEUE_LOG_LEVEL: "silent",
          QUEUE_LOG_FORMAT: "pretty",
          QUEUE_ENDPOINTS_PORT: "0",
          QUEUE_ENDPOINTS_HOST: "127.0.0.1",
          QUEUE_MAX_MEMORY: "1024",
          QUEUE_WATCH_SLOW_FACTOR: "2.5",
          QUEUE_WATCH_BLOCKED_FOR: "250ms",
          QUEUE_WATCH_KILL_BLOCKED_AFTER: "2m",
          QUEUE_RESTART_PAUSE: "0s",
          QUEUE_RESTART_GIVE_UP_AFTER: "3",
        },
      }),
    ).toEqual({
      processes: 64,
      concurrency: 50,
      stopTimeout: 0,
      logs: { level: "silent", format: "pretty", logger: undefined, intoJobs: false },
      endpoints: { port: 0, host: "127.0.0.1" },
      watchdogs: { slowFactor: 2.5, blockedFor: 250, killBlockedAfter: 120_000, maxMemory: 1_073_741_824 },
      restarts: { pause: 0, giveUpAfter: 3 },
    });
  });

  test("open endpoints on a port only", () => {
    expect(resolve({ env: { QUEUE_ENDPOINTS_HOST: "::1" } }).endpoints).toBeUndefined();
    expect(resolve({ flags: { port: "9400" } }).endpoints).toEqual({ port: 9400, host: "0.0.0.0" });
  });

  const DURATION = 'a duration like "500ms", "8s" or "2m", from';
  test.each([
    ["QUEUE_PROCESSES", "x", "a whole number from 1 to 64"],
    ["QUEUE_PROCESSES", "0", "a whole number from 1 to 64"],
    ["QUEUE_PROCESSES", "65", "a whole number from 1 to 64"],
    ["QUEUE_PROCESSES", "1e1", "a whole number from 1 to 64"],
    ["QUEUE_PROCESSES", " 2", "a whole number from 1 to 64"],
    ["QUEUE_CONCURRENCY", "-1", "a whole number from 1 to 10,000"],
    ["QUEUE_STOP_TIMEOUT", "30", `${DURATION} "0s" to "1d"`],
    ["QUEUE_STOP_TIMEOUT", "2d", `${DURATION} "0s" to "1d"`],
    ["QUEUE_LOG_LEVEL", "INFO", '"debug", "info", "warn", "error" or "silent"'],
    ["QUEUE_LOG_FORMAT", "xml", '"json" or "pretty"'],
    ["QUEUE_ENDPOINTS_PORT", "65536", "a whole number from 0 to 65,535"],
    ["QUEUE_ENDPOINTS_HOST", "a b", 'a host name or an address to listen on, like "127.0.0.1"'],
    ["QUEUE_MAX_MEMORY", "1g", "a whole number of megabytes from 32 to 1,048,576"],
    ["QUEUE_WATCH_SLOW_FACTOR", "0.5", "a number from 1 to 10,000"],
    ["QUEUE_WATCH_BLOCKED_FOR", "1ms", `${DURATION} "10ms" to "1h"`],
    ["QUEUE_RESTART_PAUSE", "31s", `${DURATION} "0s" to "30s"`],
    ["QUEUE_RESTART_GIVE_UP_AFTER", "0", "a whole number from 1 to 1,000"],
    ["QUEUE_WATCH_KILL_BLOCKED_AFTER", "999ms", `${DURATION} "1s" to "1d"`],
  ])("refuse %s=%s", (name, value, expected) => {
    expect(() => resolve({ env: { [name]: value } })).toThrow(
      expect.objectContaining({ message: `${name} is "${value}": expected ${expected}.`, exitCode: 78 }),
    );
  });

  test("refuse a flag's value as a mistake in the command line", () => {
    expect(() => resolve({ flags: { processes: "many" } })).toThrow(
      expect.objectContaining({
        message: '--processes is "many": expected a whole number from 1 to 64.',
        exitCode: 64,
      }),
    );
    expect(() => resolve({ flags: { host: "redis://user:secret@host" } })).toThrow(/^--host is a URL: /);
  });

  test("can all be given by the environment, and by distinct flags", () => {
    const settings = Object.values(SETTINGS) as { env: string; flag?: SettingFlag }[];
    const names = settings.flatMap(({ env, flag }) => (flag ? [env, flag] : [env]));
    expect(new Set(names).size).toBe(names.length);
  });
});
