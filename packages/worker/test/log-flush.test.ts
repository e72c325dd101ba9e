import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const PROGRAM = new URL("programs/flooding-worker.ts", import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), "queue-logs-"));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

function start(count: number, length: number, end: "flush" | "exit", name: string) {
  const child = spawn(
    process.execPath,
    ["--conditions=@org/source", PROGRAM, `${count}`, `${length}`, end, join(directory, name)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(child);
  return child;
}

async function read({ stdout }: ReturnType<typeof start>): Promise<string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdout) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString().trimEnd().split("\n");
}

test.concurrent.each(["flush", "exit"] as const)("nothing is lost at the end by %s", async (end) => {
  const lines = (await read(start(5_000, 50, end, end))).map((line) => JSON.parse(line).index);
  expect(lines).toEqual(Array.from({ length: 5_000 }, (_, index) => index));
});

test.concurrent("a reader that has stopped neither holds up a job nor the end of the process", async () => {
  // 18 MB: more than the pipe and the waiting lines may hold.
  const child = start(1_800, 10_000, "exit", "stopped");
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
  expect(Number(readFileSync(join(directory, "stopped"), "utf8"))).toBeLessThan(2_000);
  expect((await read(child)).length).toBeLessThan(1_800);
});

test.concurrent("lines that were dropped for a slow reader are told once it reads again", async () => {
  const child = start(1_800, 10_000, "flush", "slow");
  await once(child.stdout, "readable");
  const lines = (await read(child)).map((line) => JSON.parse(line));
  const [dropped] = lines.filter(({ level }) => level === "warn");
  expect(dropped.msg).toMatch(
    /^\d+ log lines were dropped: whatever reads stdout was too slow, or had stopped\.$/,
  );
  expect(lines.length - 1 + dropped.dropped).toBe(1_800);
});

test.concurrent("a broken pipe doesn't end the process", async () => {
  const child = start(1_000, 1_000, "flush", "broken");
  await once(child.stdout, "readable");
  child.stdout.destroy();
  const [code, signal] = await once(child, "exit");
  expect([code, signal]).toEqual([0, null]);
});
