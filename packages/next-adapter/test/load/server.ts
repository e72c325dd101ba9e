/** The process under load: the routes on plain Node. Answers figures of itself to its parent. */
import { serve } from "@hono/node-server";
import { createQueueRoutes } from "../../src/routes/index.ts";
import { openLoadQueue } from "./jobs.ts";

const [redisUrl = "", lifetime = "30000"] = process.argv.slice(2);
const queue = openLoadQueue(redisUrl);
const routes = createQueueRoutes({
  queue,
  authorize: () => ({ userId: "viewer", allow: true }),
  stream: { lifetime: Number(lifetime) },
});
let connections = 0;
const server = serve({ fetch: routes.handler, port: 0, hostname: "127.0.0.1" }, ({ port }) => {
  process.send?.({ port });
});
server.on("connection", (socket) => {
  connections++;
  socket.on("close", () => connections--);
});
process.on("message", () => {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  process.send?.({ streams: routes.streams, connections, rss, heapUsed, cpu: process.cpuUsage() });
});
process.on("disconnect", () => process.exit(0));
