import { constants } from "node:os";
import type { AttemptInfo } from "@org/queue";
import { currentJob } from "../logs/job-context.ts";
import type { Orders } from "./orders.ts";

const STOPS = ["SIGTERM", "SIGINT"] as const;

/**
 * Turns signals into orders. The first SIGTERM or SIGINT stops, a second one ends the process at once. SIGTSTP is quiet,
 * SIGTTIN reports what runs, as in Sidekiq. SIGHUP, which a closed terminal sends too, reloads a supervisor and stops a
 * process without one. Returns a function that stops listening.
 */
export function listenForSignals(
  orders: Orders,
  onHangup: "stop" | "reload",
  beforeExit: () => void = () => {},
): () => void {
  let isStopping = false;
  const listeners: [NodeJS.Signals, () => void][] = [
    ...STOPS.map((name): [NodeJS.Signals, () => void] => [
      name,
      () => {
        if (isStopping) {
          beforeExit();
          process.exit(128 + constants.signals[name]);
        }
        isStopping = true;
        orders.give({ type: "stop", reason: `got ${name}; a second one ends the process at once` });
      },
    ]),
    ["SIGHUP", () => orders.give({ type: onHangup, reason: "got SIGHUP" })],
    ["SIGTSTP", () => orders.give({ type: "quiet", reason: "got SIGTSTP" })],
    ["SIGTTIN", () => orders.give({ type: "report" })],
  ];
  for (const [name, listener] of listeners) process.on(name, listener);
  return () => {
    for (const [name, listener] of listeners) process.off(name, listener);
  };
}

/** Calls `onCrash` with errors that nothing caught, and the attempt that they belong to, if that is known. */
export function listenForCrashes(
  onCrash: (error: unknown, job: AttemptInfo | undefined) => void,
): () => void {
  // Called in the context of what threw.
  const listener = (error: unknown) => onCrash(error, currentJob());
  process.on("uncaughtException", listener).on("unhandledRejection", listener);
  return () => {
    process.off("uncaughtException", listener).off("unhandledRejection", listener);
  };
}

/** Orders a stop when nobody reads what the app prints any more, as with `queue worker | head`. */
export function listenForOutput(orders: Orders): () => void {
  const listener = () => orders.give({ type: "stop", reason: "nobody reads its output any more" });
  process.stdout.on("error", listener);
  return () => {
    process.stdout.off("error", listener);
  };
}
