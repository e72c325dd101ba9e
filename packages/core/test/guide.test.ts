import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));
function programsOf(page: string) {
  const text = readFileSync(new URL(`../../../docs/${page}`, import.meta.url), "utf8");
  return text.split(/^## /m).flatMap((section) => {
    const title = section.slice(0, section.indexOf("\n"));
    return [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, source], index) => ({
      name: index === 0 ? title : `${title}, program ${index + 1}`,
      source: source!,
      prints: [...source!.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line!),
    }));
  });
}

describe.each(["guide.md", "coming-from-bullmq-and-pg-boss.md"])("each program in docs/%s", (page) => {
  test.for(programsOf(page))("prints the documented output: $name", async ({ source, prints }) => {
    expect((await run(source)).trim().split("\n")).toEqual(prints);
  });
});

/** Runs TypeScript as a module of this package, so that it imports `@org/queue` by name. */
async function run(source: string): Promise<string> {
  const args = ["--conditions=@org/source", "--input-type=module-typescript", "--eval", source];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: packageRoot, timeout: 15_000 });
  return stdout;
}
