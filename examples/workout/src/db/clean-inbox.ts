import type { Middleware } from "@org/queue";
import { cleanInbox } from "@org/queue/postgres";
import type { Database } from "./open.ts";

const DAY = 24 * 60 * 60 * 1_000;

/**
 * Has the workers forget, at their start and then once a day, whose effects were done a month ago. Nothing is delivered
 * again after that: an operator can retry a failed job for a week, by then its retention has removed it.
 */
export function cleanInboxDaily(db: Database): Middleware {
  return {
    async start({ logger }) {
      const clean = async () => {
        try {
          await cleanInbox(db, { olderThan: "30d" });
        } catch (error) {
          logger.warn("The inbox couldn't be cleaned. That is tried again in a day.", error);
        }
      };
      let cleaning = clean();
      const timer = setInterval(() => {
        cleaning = clean();
      }, DAY);
      return {
        stop() {
          clearInterval(timer);
          return cleaning;
        },
      };
    },
  };
}
