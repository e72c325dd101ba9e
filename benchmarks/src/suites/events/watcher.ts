/** A process that watches jobs, as a web server does: forked with the server's URL and what to subscribe to. */
import { createQueue, type SubscribeOptions } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { type ping, registry } from "./messages.ts";

const [url, options] = process.argv.slice(2) as [string, string];
const queue = createQueue({ registry, engine: redisEngine({ url }) });
let events = 0;
await queue.subscribe(
  () => {
    events++;
  },
  JSON.parse(options) as SubscribeOptions<typeof ping>,
);
let before = process.cpuUsage();
process.on("message", (message: "start" | "stop") => {
  if (message === "start") {
    events = 0;
    before = process.cpuUsage();
    return;
  }
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpu: (user + system) / 1e6, events });
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
