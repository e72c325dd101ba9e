import { createQueueRoutes } from "@org/queue-next/routes";
import { authorize } from "@/lib/authorize";
import { queue } from "@/lib/queue";

export const { GET, HEAD, POST, OPTIONS } = createQueueRoutes({ queue, authorize });
