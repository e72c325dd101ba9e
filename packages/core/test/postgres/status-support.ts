import { type SQL, sql } from "drizzle-orm";
import { getTableConfig, integer, PgDialect, type PgTable, text } from "drizzle-orm/pg-core";
import type { Database } from "../../src/postgres/database.ts";
import { statusTable } from "../../src/postgres/status/table.ts";

/** What a Discord app stores about the scan of a channel. */
export const scanStatus = statusTable("scan_status", {
  key: { guildId: text("guild_id").notNull(), channelId: text("channel_id").notNull() },
  fields: {
    messageCount: integer("message_count").notNull().default(0),
    totalMessagesScanned: integer("total_messages_scanned").notNull().default(0),
    forwardMessageId: text("forward_message_id"),
    backwardMessageId: text("backward_message_id"),
  },
});

const dialect = new PgDialect();
const inline = (part: SQL) =>
  // Without parameters, like drizzle-kit.
  dialect.sqlToQuery(part.inlineParams()).sql;

/** What drizzle-kit generates for a table. */
export function createTableSql(table: PgTable): string[] {
  const { name, schema, columns, primaryKeys, checks, indexes } = getTableConfig(table);
  const target = schema === undefined ? `"${name}"` : `"${schema}"."${name}"`;
  const lines = columns.map((column) => {
    const { default: value } = column;
    const isSql = typeof value === "object" && value !== null && "queryChunks" in value;
    const text = isSql
      ? inline(value as SQL)
      : value !== undefined && inline(sql`${sql.param(value, column)}`);
    const parts = [
      `"${column.name}"`,
      column.getSQLType(),
      text && `default ${text}`,
      column.notNull && "not null",
    ];
    return parts.filter(Boolean).join(" ");
  });
  for (const key of primaryKeys) {
    lines.push(`primary key (${key.columns.map((column) => `"${column.name}"`).join(", ")})`);
  }
  for (const { name: check, value } of checks) {
    lines.push(`constraint "${check}" check (${inline(value).replaceAll(`${target}.`, "")})`);
  }
  return [
    ...(schema === undefined ? [] : [`create schema if not exists "${schema}"`]),
    `create table ${target} (${lines.join(", ")})`,
    ...indexes.map(({ config }) => {
      const on = config.columns.map((column) => `"${(column as { name: string }).name}"`).join(", ");
      return `create index "${config.name}" on ${target} (${on})${config.where ? ` where ${inline(config.where)}` : ""}`;
    }),
  ];
}

export async function createTable(db: Database, table: PgTable): Promise<void> {
  for (const statement of createTableSql(table)) await db.execute(sql.raw(statement));
}
