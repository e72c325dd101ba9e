/** Run by keeper.test.ts: starts servers, says where they are, and ends when its stdin does. */
import { startPostgres, startRedis } from "../src/index.ts";

const servers = await Promise.all([startRedis(), startPostgres()]);
console.log(JSON.stringify(servers.map(({ url }) => url)));
process.stdin.resume();
