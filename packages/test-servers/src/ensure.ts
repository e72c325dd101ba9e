/**
 * Starts each server once and prints its source. Runs before the suites, so that installing a server doesn't count
 * towards the timeout of a test.
 */
import { startPgBouncer, startPostgres, startRedis } from "./index.ts";

const servers = await Promise.all([
  startRedis().then((redis) => ({ name: "Redis", ...redis })),
  startPostgres().then((postgres) => ({ name: "Postgres", ...postgres })),
]);
const pooler = await startPgBouncer({ target: servers[1].url });
console.log(`PgBouncer: ${"unavailable" in pooler ? `none (${pooler.unavailable})` : pooler.source}`);
if (!("unavailable" in pooler)) await pooler.stop();
for (const { name, source, stop } of servers) {
  console.log(`${name}: ${source}`);
  await stop();
}
