"use server";

import { createQueueActions } from "@org/queue-next/actions";
import { authorize } from "@/lib/authorize";
import { queue } from "@/lib/queue";

const actions = createQueueActions({ queue, authorize });

export const saveAction = actions.sender("SAVE");
export const saveForm = actions.form("SAVE");
export const { getQueueStats, clearQueue, cancelJob, retryJob } = actions;
