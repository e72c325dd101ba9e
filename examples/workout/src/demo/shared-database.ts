import { startPostgres } from "@org/test-servers";
import { describeDatabase, type OpenedDatabase, openDatabase } from "../db/open.ts";
import { reasonOf, SetupError } from "../setup-error.ts";
import type { Report } from "./report.ts";

export interface SharedDatabase extends OpenedDatabase {
  readonly url: string;
}

/** A database for several processes: that of DATABASE_URL, or else a PostgreSQL for this run only. */
export async function openSharedDatabase(report: Report): Promise<SharedDatabase> {
  const { DATABASE_URL: named } = process.env;
  if (named) {
    report.say(`Opening the database: ${describeDatabase({ url: named })} …`);
    return { ...(await openDatabase({ url: named })), url: named };
  }
  report.say("PGlite can't be shared by processes, so a PostgreSQL is started for this run …");
  const server = await startPostgres().catch((error: unknown) => {
    throw new SetupError(reasonOf(error), { cause: error });
  });
  try {
    const opened = await openDatabase({ url: server.url });
    const close = async () => {
      await opened.close();
      await server.stop();
    };
    return { ...opened, url: server.url, close };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
