import type { Middleware } from "@org/queue";
import { cleanInbox } from "@org/queue/postgres";
import type { Database } from "./open.ts";

const DAY = 24 * 60 * 60 * 1_000;

/**
 * Removes inbox rows older than a month, when a worker starts and then once a day. By then no job can be delivered
 * again: operators can retry failed jobs for a week, until retention removes them.
 */
export function cleanInboxDaily(db: Database): Middleware {
  return {
    async start({ logger }) {
      const clean = async () => {
        try {
          await cleanInbox(db, { olderThan: "30d" });
        } catch (error) {
          logger.warn("The inbox couldn't be cleaned. The worker tries again in a day.", error);
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
