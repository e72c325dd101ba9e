/** A producer of the soak: sends bursts of all kinds of jobs at a rate, and resends each until it is acknowledged. */
import { setTimeout as pause } from "node:timers/promises";
import { createQueue, isQueueError, type SendOptions } from "@org/queue";
import { observeEngine } from "../history/observe-engine.ts";
import { monotonic } from "../monotonic.ts";
import { Random } from "../random.ts";
import { Bursts, type SoakItem, type Unit } from "../soak/burst.ts";
import { ledgerObserver } from "../soak/ledger.ts";
import { soakRegistry, soakStep } from "../soak/messages.ts";
import { connect, onCommand, readConfig, report } from "./program.ts";
import type { SoakCommand, SoakProducerConfig, SoakReport } from "./protocol.ts";

const MAX_BURST = 200;
const RETRY_PAUSE = 50;
/** Beyond this backlog it pauses, so that the workers can catch up. */
const MAX_BACKLOG = 20_000;
const POLL_INTERVAL = 250;

const config = readConfig<SoakProducerConfig>();
const tell: (line: SoakReport) => void = report;
const random = new Random(config.seed);
const bursts = new Bursts(random.fork("bursts"), config.index);
const engine = observeEngine(connect(config), ledgerObserver(config.history));
const queue = createQueue({ registry: soakRegistry, engine });
let isStopping = false;
let isBackedUp = false;

onCommand<SoakCommand>(({ command }) => {
  if (command === "start") void run();
  else isStopping = true;
});
tell({ type: "ready" });

async function run(): Promise<void> {
  const watch = setInterval(() => void readBacklog(), POLL_INTERVAL);
  const since = monotonic();
  while (!isStopping) {
    const due = Math.floor(((monotonic() - since) / 1_000) * config.rate) - bursts.made;
    if (due < 1 || isBackedUp) {
      await pause(10);
      continue;
    }
    const units = bursts.next(Math.min(due, MAX_BURST));
    await sendAll(units);
    bursts.acknowledged(units);
    await maybeCancel(units);
  }
  clearInterval(watch);
  tell({ type: "done", sent: bursts.made });
}

/** Resends rejected units in the same order, so that ordering keys keep theirs. */
async function sendAll(units: readonly Unit[]): Promise<void> {
  let left = units;
  while (left.length > 0) {
    const results = await Promise.allSettled(left.map(send));
    left = left.filter((_, index) => results[index]!.status === "rejected");
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      if (!isQueueError(result.reason) || !result.reason.retryable) throw result.reason;
    }
    if (left.length > 0) await pause(RETRY_PAUSE);
  }
}

async function send(unit: Unit): Promise<void> {
  const [first, ...others] = unit;
  if (first && others.length === 0) await queue.send(soakStep, first.data, first.options as SendOptions);
  else await queue.sendMany(unit.map((job): SoakItem => ({ message: soakStep, ...job })));
}

async function maybeCancel(units: readonly Unit[]): Promise<void> {
  if (!random.chance(0.1)) return;
  const jobs = units.flat();
  const ids = new Set([random.pick(jobs).options.id, random.pick(jobs).options.id]);
  // The ledger has the request. Whether it took effect may be unknown.
  await queue.cancelMany([...ids]).catch(() => undefined);
}

async function readBacklog(): Promise<void> {
  tell({ type: "progress", sent: bursts.made });
  const counts = await engine.queues.counts().catch(() => []);
  const waiting = counts.map(({ states }) => states.queued + states.blocked + states.scheduled);
  isBackedUp = waiting.reduce((sum, count) => sum + count, 0) > MAX_BACKLOG;
}
