import { readdirSync, readFileSync } from "node:fs";
import type { Page } from "./page.ts";

const FOLDER = new URL("../../packages/core/src/postgres/migrations/", import.meta.url);
/** The separator of drizzle-kit, so that its users can copy the files unchanged. */
const BREAKPOINT = "--> statement-breakpoint";

/** The migrations as TypeScript, so that nothing reads files at run time. */
export const migrationsPage: Page = {
  path: "packages/core/src/postgres/migrations.ts",
  source: "packages/core/src/postgres/migrations",
  render() {
    return `export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

export const migrations: readonly Migration[] = [
${readdirSync(FOLDER)
  .filter((file) => file.endsWith(".sql"))
  .sort()
  .map(renderMigration)
  .join("\n")}
];
`;
  },
};

function renderMigration(file: string, index: number): string {
  const [, number, name] = /^(\d{4})_([a-z_]+)\.sql$/.exec(file) ?? [];
  const version = index + 1;
  if (Number(number) !== version)
    throw new Error(`${file} must begin with ${`${version}`.padStart(4, "0")}_`);
  const statements = readFileSync(new URL(file, FOLDER), "utf8")
    .split(BREAKPOINT)
    .map((statement) => `      ${JSON.stringify(withoutComments(statement))},\n`);
  const last = `insert into queue_migrations (version, name) values (${version}, '${name}');`;
  if (!statements.at(-1)!.includes(last)) throw new Error(`${file} must end with: ${last}`);
  return `  {\n    version: ${version},\n    name: "${name}",\n    statements: [\n${statements.join("")}    ],\n  },`;
}

function withoutComments(statement: string): string {
  return statement
    .split("\n")
    .filter((line) => !/^\s*(--.*)?$/.test(line))
    .join("\n");
}
