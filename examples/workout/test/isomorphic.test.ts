import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

const IMPORT = /(?:^|\n)\s*(?:import|export)\b[^;]*?\bfrom\s+"([^"]+)"/g;

/** All direct and indirect imports of a module: packages by name, files by URL. */
async function importsOf(file: URL, seen = new Set<string>()): Promise<Set<string>> {
  for (const [, name] of (await readFile(file, "utf8")).matchAll(IMPORT)) {
    const target = name!.startsWith(".") ? new URL(name!, file) : name!;
    if (seen.has(String(target))) continue;
    seen.add(String(target));
    if (target instanceof URL) await importsOf(target, seen);
  }
  return seen;
}

test("messages import nothing that a browser can't load", async () => {
  const imported = await importsOf(new URL("../src/registry.ts", import.meta.url));
  const packages = [...imported].filter((name) => !name.startsWith("file:"));
  expect(packages.toSorted()).toEqual(["@org/queue/contract", "zod"]);
  const rooms = [...imported].filter((name) => name.startsWith("file:") && !name.includes("/src/messages/"));
  expect(rooms).toEqual([]);
});
