"use server";

import { createQueueActions } from "@org/queue-next/actions";
import { authorize } from "@/lib/authorize";
import { queue } from "@/lib/queue";

const actions = createQueueActions({ queue, authorize });

export const saveForm = actions.form("SAVE");
