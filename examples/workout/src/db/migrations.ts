import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The app's own: plain SQL, written by `npm run db:generate` from `schema.ts`, applied in order by `openDatabase`. */
export const migrationsFolder = join(dirname(fileURLToPath(import.meta.url)), "migrations");
