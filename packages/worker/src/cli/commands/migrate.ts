import { CommandError, EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";

const NO_DATABASE =
  "names no database. Add to it: database: () => ({ db }), where db is your Drizzle database on Postgres.";

export const migrateCommand = defineCommand({
  name: "migrate",
  summary: "brings the queue's tables in Postgres up to date",
  description:
    "Applies the migrations of @org/queue/postgres to the config's `database`, in one transaction, and attaches the\n" +
    "triggers of its `statusTables`. Several may run at once. Your own migrations come first: it doesn't run them.",
  flags: {
    "dry-run": { type: "boolean", description: "print the SQL that it would run, and change nothing" },
  },
  examples: [
    ["queue migrate", "in a deploy, before the new code starts"],
    ["queue migrate --dry-run", "to look first"],
  ],
  async run({ flags }, context) {
    const { terminal } = context;
    const [{ path }, database] = [await context.loadConfig(), await context.openDatabase()];
    if (!database) throw new CommandError(`${path} ${NO_DATABASE}`, EXIT_CODES.CONFIG);
    const { db, schema = "queue", statusTables = [] } = database;
    const postgres = await import("@org/queue/postgres");
    const options = { schema, statusTables: statusTables as never };
    const pending = await postgres.pendingMigrations(db as never, options);
    const isDry = flags["dry-run"] === true;
    // Another process may have applied them meanwhile: what this one did counts.
    const applied = isDry ? [] : await postgres.migrate(db as never, options);
    const migrations = pending.migrations.filter(({ version }) => isDry || applied.includes(version));
    const tables = pending.statusTables;
    if (flags.json) {
      terminal.printJson({
        schema,
        [isDry ? "pending" : "applied"]: migrations.map(({ version, name }) => ({ version, name })),
        statusTables: tables,
      });
      return EXIT_CODES.OK;
    }
    if (migrations.length === 0 && tables.length === 0) {
      terminal.print(`The schema ${schema} is up to date.`);
      return EXIT_CODES.OK;
    }
    const { green, dim } = terminal.colors;
    if (isDry) terminal.print(dim(`-- In the schema ${schema}, which is created if it isn't there.`));
    for (const { version, name, statements } of migrations) {
      const title = `${String(version).padStart(4, "0")} ${name}`;
      if (!isDry) terminal.print(`${green("applied")}  ${title}`);
      else terminal.print(`${dim(`-- ${title}`)}\n${statements.join("\n")}`);
    }
    for (const table of tables) {
      terminal.print(isDry ? dim(`-- triggers on ${table}`) : `${green("applied")}  triggers on ${table}`);
    }
    return EXIT_CODES.OK;
  },
});
