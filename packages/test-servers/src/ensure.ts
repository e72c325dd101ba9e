/**
 * Starts each server once and says where it came from. Run before the suites: what has to be installed or
 * pulled first is then on the machine, and no test's timeout pays for it.
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
