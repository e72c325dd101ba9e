/**
 * Starts each server once and says where it came from. Run before the suites: what has to be installed or
 * pulled first is then on the machine, and no test's timeout pays for it.
 */
import { startPostgres, startRedis } from "./index.ts";

const servers = await Promise.all([
  startRedis().then((redis) => ({ name: "Redis", ...redis })),
  startPostgres().then((postgres) => ({ name: "Postgres", ...postgres })),
]);
for (const { name, source, stop } of servers) {
  console.log(`${name}: ${source}`);
  await stop();
}
