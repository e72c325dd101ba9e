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
export { type DatabaseCheckOptions, diagnoseDatabase } from "./diagnosis/diagnose-database.ts";
export {
  type CleanInboxOptions,
  cleanInbox,
  type InboxContext,
  type OnceOptions,
  type OnceOutcome,
  once,
} from "./inbox/once.ts";
export { type MigrateOptions, migrate } from "./migrate.ts";
export {
  type PostgresOutbox,
  type PostgresOutboxOptions,
  postgresOutbox,
  type RelayHost,
  type StartRelayOptions,
  startRelay,
} from "./outbox/postgres-outbox.ts";
export type { OutboxProblem } from "./outbox/relay-reporter.ts";
export {
  type PendingMigration,
  type PendingMigrations,
  pendingMigrations,
} from "./pending-migrations.ts";
export type { StatusFilter, StatusListOptions, StatusPage } from "./status/list.ts";
export {
  createStatusStore,
  type StatusChange,
  type StatusStore,
  type StatusStoreOptions,
  type StatusValues,
} from "./status/store.ts";
export {
  type AnyStatusTable,
  type FieldColumns,
  type KeyColumns,
  STATUSES,
  type Status,
  type StatusFields,
  type StatusKey,
  type StatusRow,
  type StatusTable,
  type StatusTableDefinition,
  statusTable,
} from "./status/table.ts";
export { type TrackStatusOptions, trackStatus } from "./status/track.ts";
