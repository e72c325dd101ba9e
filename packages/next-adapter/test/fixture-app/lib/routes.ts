import { perProcess } from "@org/queue-next";
import { createQueueRoutes } from "@org/queue-next/routes";
import { authorize } from "./authorize";
import { queue } from "./queue";

export const routes = perProcess("routes", () =>
  createQueueRoutes({ queue, authorize, stream: { lifetime: process.env.STREAM_LIFETIME ?? "30s" } }),
);
