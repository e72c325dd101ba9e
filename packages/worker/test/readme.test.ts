import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { KNOWN_KEYS } from "../src/config/config-schema.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { openDefinitions } from "../src/config/open-config.ts";
import { resolveSettings, SETTINGS, type SettingFlag } from "../src/config/resolve-settings.ts";
import { EXIT_CODES } from "../src/exit-codes.ts";
import { temporaryProject } from "./support/temporary-project.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The cells of the rows of a section's table. */
function tableOf(title: string): string[][] {
  const section = readme.split(/^## /m).find((each) => each.startsWith(title)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  const cells = (row: string) => row.split(/(?<!\\)\|/).slice(1, -1);
  return rows.slice(2).map((row) => cells(row).map((cell) => cell.replaceAll("`", "").trim()));
}

test("the README lists every setting, with what it may be", () => {
  const settings: readonly { env: string; flag?: SettingFlag; expected: string }[] = Object.values(SETTINGS);
  const rows = tableOf("Settings");
  expect(rows.map(([env, flag, , value]) => [env, flag, value])).toEqual(
    settings.map(({ env, flag, expected }) => [env, flag ? `--${flag}` : "", expected]),
  );
  for (const [, , path] of rows) {
    const [first = "", second] = path!.split(".");
    expect(KNOWN_KEYS[""]).toContain(first);
    if (second) expect(KNOWN_KEYS[first]).toContain(second);
  }
});

test("the README's example is a config that works", async () => {
  const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const loaded = await loadConfig({ cwd: temporaryProject({ "queue.config.ts": example }) });
  const [worker] = await openDefinitions(loaded);
  expect(Object.keys(worker!.handlers)).toEqual(["WELCOME_EMAIL"]);
  expect(resolveSettings({ flags: {}, env: {}, config: loaded.config }).processes).toBe(1);
});

test("the README lists every exit code", () => {
  expect(
    tableOf("Exit codes")
      .slice(0, -1)
      .map(([code, name]) => [name, Number(code)]),
  ).toEqual(Object.entries(EXIT_CODES));
});
