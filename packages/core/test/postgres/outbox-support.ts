import type { NewJob } from "../../src/engine/index.ts";
import { createQueue, type Engine, memoryEngine, type Queue, type Service } from "../../src/index.ts";
import {
  type Database,
  type PostgresOutbox,
  type PostgresOutboxOptions,
  postgresOutbox,
  startRelay,
} from "../../src/postgres/index.ts";
import { FlakyEngine, type Messages, RecordingLogger, registry } from "../runtime-support.ts";
import { cleanups, type TestDatabase } from "./support.ts";

/** A queue with an outbox, whose relays can be started. */
export interface Sending {
  readonly queue: Queue<Messages>;
  readonly outbox: PostgresOutbox;
  readonly flaky: FlakyEngine;
  readonly logger: RecordingLogger;
  /** Starts a relay, which is stopped after the test. */
  relay(engine?: Engine): Promise<Service>;
  /** Ids in the order the engine first received them. */
  arrived(): string[];
}

/** By default with a listener, and with a poll interval longer than any test. */
export function sending(
  { db, listener }: Pick<TestDatabase, "db" | "listener">,
  options: Partial<PostgresOutboxOptions> = {},
): Sending {
  const outbox = postgresOutbox({ db, listener, pollInterval: "1m", ...options });
  const flaky = new FlakyEngine(memoryEngine());
  const queue = createQueue({ registry, engine: flaky.engine, outbox });
  const logger = new RecordingLogger();
  return {
    queue,
    outbox,
    flaky,
    logger,
    async relay(engine = flaky.engine) {
      const relay = await startRelay({ outbox, engine, logger });
      cleanups.push(() => relay.stop());
      return relay;
    },
    arrived: () => [...new Set(idsIn(flaky))],
  };
}

function idsIn({ calls }: FlakyEngine): string[] {
  const batches = calls.filter(({ method }) => method === "enqueue").flatMap(({ args }) => args[0] as never);
  return (batches as { jobs: readonly NewJob[] }[]).flatMap(({ jobs }) =>
    jobs.map(({ envelope }) => envelope.id),
  );
}

/** Runs work in a transaction that stays open until the test commits or rolls it back. */
export async function openTransaction(
  db: Database,
  work: (tx: Database) => Promise<unknown>,
): Promise<{ commit(): Promise<void>; rollback(): Promise<void> }> {
  const rollback = new Error("rolled back by the test");
  let end: (error?: Error) => void = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    end = (error) => (error ? reject(error) : resolve());
  });
  ended.catch(() => {});
  let done: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    done = db.transaction(async (tx) => {
      await work(tx);
      resolve();
      await ended;
    });
    done.catch(reject);
  });
  return {
    commit() {
      end();
      return done;
    },
    async rollback() {
      end(rollback);
      await done.catch((error) => {
        if (error !== rollback) throw error;
      });
    },
  };
}
