export { type PgBouncerOptions, startPgBouncer } from "./pgbouncer.ts";
export { startPostgres } from "./postgres.ts";
export { type Interception, type ProxyMode, startProxy, type TcpProxy } from "./proxy.ts";
export { startRedis } from "./redis.ts";
export type { ServerOptions, TestServer } from "./test-server.ts";
