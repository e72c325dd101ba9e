export { startPostgres } from "./postgres.ts";
export { startRedis } from "./redis.ts";
export type { ServerOptions, TestServer } from "./test-server.ts";
