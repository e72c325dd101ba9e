import { beeQueue } from "./bee-queue.ts";
import { bullmq } from "./bullmq.ts";
import { groupmq } from "./groupmq.ts";
import { orgQueue } from "./org-queue.ts";
import { rawRedis } from "./raw-redis.ts";
import type { System } from "./system.ts";

export const OURS = orgQueue.name;
export const BULLMQ = bullmq.name;
export const GROUPMQ = groupmq.name;
export const RAW = rawRedis.name;

/** In the order of each round and of the tables. */
export const SYSTEMS: readonly System[] = [orgQueue, bullmq, groupmq, beeQueue, rawRedis];
