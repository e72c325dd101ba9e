import type { Producer, System } from "../../peers/system.ts";
import { SYSTEMS } from "../../peers/systems.ts";
import {
  type Case,
  calibrate,
  collectGarbage,
  compete,
  type Lab,
  load,
  setupOf,
  withProducer,
} from "./lab.ts";

const sending = (
  name: string,
  atOnce: number,
  send: (producer: Producer, jobs: number) => Promise<void>,
): Case => ({
  name,
  run: (lab) =>
    compete(lab, {
      case: name,
      metrics: { sends: "sends/s" },
      systems: SYSTEMS,
      prepare: (system) => calibrate(lab, (jobs) => timeSend(lab, system, { atOnce, jobs, send })),
      measure: async (system, jobs) => ({
        sends: jobs / (await timeSend(lab, system, { atOnce, jobs, send })),
      }),
    }),
});

export const sendCases: readonly Case[] = [
  sending("send one by one, 1 in flight", 1, (producer, jobs) => sendInFlight(producer, jobs, 1)),
  sending("send one by one, 200 in flight", 200, (producer, jobs) => sendInFlight(producer, jobs, 200)),
  sending("bulk 1,000", 1_000, (producer, jobs) => load(producer, jobs)),
];

interface Sending {
  readonly atOnce: number;
  readonly jobs: number;
  readonly send: (producer: Producer, jobs: number) => Promise<void>;
  /** The URL to connect to. @default the lab's server */
  readonly url?: string;
}

/** Seconds until all jobs are stored. */
export async function timeSend(lab: Lab, system: System, sending: Sending): Promise<number> {
  const { atOnce, jobs, send, url = lab.server.url } = sending;
  await lab.server.flush();
  return withProducer(system, setupOf(lab, { atOnce, url }), async (producer) => {
    // The first send on a connection also loads scripts.
    await producer.send(0);
    collectGarbage();
    const start = performance.now();
    await send(producer, jobs);
    return (performance.now() - start) / 1_000;
  });
}

/** Sends one by one, with at most `inFlight` sends pending. */
export async function sendInFlight(producer: Producer, jobs: number, inFlight: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < jobs) await producer.send(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}
