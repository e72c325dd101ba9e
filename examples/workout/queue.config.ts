import { defineConfig } from "@org/queue-worker";
import { type OpenedDatabase, openDatabase } from "./src/db/open.ts";
import { createHandlers } from "./src/handlers/all-handlers.ts";
import { type Mailer, openMailer } from "./src/mail/mailer.ts";
import { checkEngine, openEngine, openQueue } from "./src/queue.ts";
import { SetupError } from "./src/setup-error.ts";

let database: OpenedDatabase | undefined;
let mailer: Mailer | undefined;

/** What `queue worker` runs. Any number of processes share the work. */
export default defineConfig({
  async queue() {
    const engine = openEngine();
    if (engine.name === "memory") {
      throw new SetupError(
        "REDIS_URL isn't set, and other processes can't send jobs to an embedded engine. Set REDIS_URL.",
      );
    }
    await checkEngine(engine);
    database ??= await openDatabase();
    return openQueue(engine, database);
  },
  async handlers() {
    mailer = openMailer();
    await mailer.check();
    return createHandlers({ db: database!.db, mailer });
  },
  // For `queue migrate` and `queue doctor`. Opening it applies all migrations, the app's own first.
  async database() {
    database ??= await openDatabase();
    return { db: database.db, listener: database.listener };
  },
  async close() {
    mailer?.close();
    await database?.close();
  },
  // Less than the 10 s after which `docker stop` kills the process.
  stopTimeout: "8s",
});
