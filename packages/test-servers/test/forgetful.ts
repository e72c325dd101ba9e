/** Run by keeper.test.ts: starts servers, prints their URLs, and exits when its stdin ends. */
import { startPostgres, startRedis } from "../src/index.ts";

const servers = await Promise.all([startRedis(), startPostgres()]);
console.log(JSON.stringify(servers.map(({ url }) => url)));
process.stdin.resume();
