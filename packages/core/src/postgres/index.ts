export type { ChangeListener } from "./changes/listener.ts";
export { type PgClient, type PgListenerOptions, pgListener } from "./changes/pg-listener.ts";
export { type PgliteClient, pgliteListener } from "./changes/pglite-listener.ts";
export {
  type PostgresJsClient,
  type PostgresJsListenerOptions,
  postgresJsListener,
} from "./changes/postgres-js-listener.ts";
export type { ListenerOptions } from "./changes/reconnecting-listener.ts";
export { type StatusTableSqlOptions, statusTableSql } from "./changes/triggers.ts";
export type { Database } from "./database.ts";
export { type MigrateOptions, migrate } from "./migrate.ts";
