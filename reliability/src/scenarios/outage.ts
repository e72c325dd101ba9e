import { setTimeout as pause } from "node:timers/promises";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import { LEASE, type Stage } from "../stage/stage.ts";
import { Load } from "./load.ts";
import { assertInTime, since } from "./recovery.ts";

/** Poll interval of the workers. Outages are shorter or longer than this. */
const POLL_INTERVAL = 400;
/** Reconnects back off, to at most a few seconds. */
const MAX_DURATION = 8_000;

/** The server stops answering, but its connections stay open. */
const frozen = async (stage: Stage, milliseconds: number) => {
  await play(stage, {}, async () => {
    stage.redis.freeze();
    await pause(milliseconds);
    stage.redis.thaw();
  });
};

/** The network between workers and server is cut. */
const cut = async (stage: Stage, milliseconds: number) => {
  const proxy = await stage.startProxy();
  await play(stage, { url: proxy.url }, async () => {
    proxy.use("refuse");
    await pause(milliseconds);
    proxy.use("pass");
  });
};

const short = ({ random }: Stage) => random.between(50, POLL_INTERVAL / 2);
const long = ({ random }: Stage) => random.between(2 * LEASE, 3 * LEASE);

export const outageFrozenShort: Scenario = {
  name: "outage-frozen-short",
  promise: "workers carry on after the server froze for less than the poll interval",
  run: (stage) => frozen(stage, short(stage)),
};

export const outageFrozenLong: Scenario = {
  name: "outage-frozen-long",
  promise: "every worker works again after the server froze past the poll interval and the lease",
  run: (stage) => frozen(stage, long(stage)),
};

export const outageCutShort: Scenario = {
  name: "outage-cut-short",
  promise: "workers that are cut off for less than the poll interval carry on",
  run: (stage) => cut(stage, short(stage)),
};

export const outageCutLong: Scenario = {
  name: "outage-cut-long",
  promise: "workers that are cut off past the poll interval and the lease work again once they reconnect",
  run: (stage) => cut(stage, long(stage)),
};

async function play(
  stage: Stage,
  worker: { readonly url?: string },
  outage: () => Promise<void>,
): Promise<void> {
  const load = await Load.start(stage, {
    worker: { pollInterval: POLL_INTERVAL, concurrency: 2, ...worker },
    producer: { jobs: 40, pace: 10 },
  });
  // Sends slowly, so that jobs last until the slowest worker is back.
  const feeder = await stage.standbyProducer("feeder", { mix: "plain", jobs: 10_000, lanes: 2, pace: 5 });
  await load.sent(stage.random.between(20, 60));
  await outage();
  const healedAt = monotonic();
  feeder.send({ command: "start" });
  await load.allWork();
  assertInTime(stage, "end of outage to work", since(healedAt), MAX_DURATION);
  feeder.send({ command: "stop" });
  await feeder.until("done");
  await load.allSent();
}
