import { afterEach, expect, test, vi } from "vitest";
import * as z from "zod";
import { createRegistry, defineMessage, isQueueError } from "../src/contract/index.ts";
import { memoryEngine } from "../src/memory/index.ts";
import { createQueue } from "../src/queue/queue.ts";
import { createIdSource } from "../src/queue/send/job-id.ts";
import { redisEngine } from "../src/redis/index.ts";

const registry = createRegistry([defineMessage("PLAN", { data: z.object({}) })]);

afterEach(() => void vi.unstubAllGlobals());

// Node 18 has no global `crypto`.
test.each<[string, () => unknown]>([
  ["createQueue", () => createQueue({ registry })],
  ["createQueue with an engine", () => createQueue({ registry, engine: memoryEngine() })],
  ["redisEngine", () => redisEngine({ url: "redis://localhost" })],
  ["an id", () => createIdSource(() => 0)],
])("%s says that the runtime is too old", (_what, call) => {
  vi.stubGlobal("crypto", undefined);
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  if (!isQueueError(thrown)) throw new Error("Not an error of this library", { cause: thrown });
  expect(thrown.code).toBe("UNSUPPORTED_RUNTIME");
  expect(thrown.message).toBe(
    `This runtime (Node ${process.version}) has no \`crypto\`. Run the app on Node 20.9 or later.`,
  );
});
