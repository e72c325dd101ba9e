import * as z from "zod";
import { defineMessage } from "../../src/index.ts";
import type { StatusStore } from "../../src/postgres/status/store.ts";
import { type TrackStatusOptions, trackStatus } from "../../src/postgres/status/track.ts";
import type { scanStatus } from "./status-support.ts";

/** A scan of a channel's messages in a Discord app. */
export const channelScan = defineMessage("CHANNEL_SCAN", {
  data: z.object({ guildId: z.string(), channelId: z.string() }),
  progress: z.object({ scanned: z.int(), lastMessageId: z.string() }),
  result: z.object({ scanned: z.int(), lastMessageId: z.string() }),
  queue: "scans",
  retry: { attempts: 2, backoff: { type: "fixed", delay: "20ms" } },
  maxStalls: 2,
  retain: { completed: { count: 100_000 }, failed: { count: 100_000 } },
});

/** A job that a scan may depend on. */
export const guildSync = defineMessage("GUILD_SYNC", {
  data: z.object({ guildId: z.string() }),
  queue: "guilds",
  retry: { attempts: 1 },
});

export type ScanStore = StatusStore<typeof scanStatus>;
export type ScanOptions = TrackStatusOptions<typeof channelScan, typeof scanStatus>;

export const scanTracking = (store: ScanStore, options: Partial<ScanOptions> = {}) =>
  trackStatus(channelScan, {
    store,
    key: ({ guildId, channelId }) => ({ guildId, channelId }),
    fields: {
      start: () => ({ messageCount: 0 }),
      progress: ({ scanned, lastMessageId }) => ({ messageCount: scanned, forwardMessageId: lastMessageId }),
      result: ({ scanned, lastMessageId }) => ({
        messageCount: scanned,
        totalMessagesScanned: scanned,
        forwardMessageId: lastMessageId,
      }),
    },
    ...options,
  });
