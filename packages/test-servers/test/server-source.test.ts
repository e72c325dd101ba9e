import { expect, test } from "vitest";
import { type ServerSource, startFromFirst } from "../src/server-source.ts";

const nothingFound = { server: "Redis", remedy: "Install it." };
const absent: ServerSource = { name: "REDIS_URL", start: async () => ({ unavailable: "not set" }) };
const present: ServerSource = {
  name: "this machine",
  start: async () => ({ url: "redis://127.0.0.1:1", pid: 1, stop: async () => {} }),
};
const broken: ServerSource = {
  name: "Docker",
  start: async () => {
    throw new Error("broken");
  },
};

test("the first source with a server is used and named", async () => {
  const server = await startFromFirst([absent, present, broken], nothingFound);
  expect(server).toMatchObject({ url: "redis://127.0.0.1:1", source: "this machine" });
});

test("an error of a source ends the search", async () => {
  await expect(startFromFirst([broken, present], nothingFound)).rejects.toThrow("broken");
});

test("the error lists every source with its reason, and what to do", async () => {
  await expect(startFromFirst([absent, { ...absent, name: "Docker" }], nothingFound)).rejects.toThrow(
    "No Redis server to test against.\n  REDIS_URL: not set\n  Docker: not set\nInstall it.",
  );
});
