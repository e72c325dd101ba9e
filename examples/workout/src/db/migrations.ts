import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The app's migrations: SQL generated from `schema.ts` by `npm run db:generate`, applied in order by `openDatabase`.
 */
export const migrationsFolder = join(dirname(fileURLToPath(import.meta.url)), "migrations");
