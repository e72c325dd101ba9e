import { createWorker } from "@org/queue";
import { embeddedWorker } from "@org/queue-next";
import { save } from "./messages";
import { queue } from "./queue";

export const startWorker = () =>
  embeddedWorker(() =>
    createWorker(queue, { concurrency: 20 }).handle(save, async ({ data, progress, signal }) => {
      if (data.wait) {
        await progress({ step: 1 });
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, data.wait);
          signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
        });
      }
      if (data.fail) throw new Error("The disk of 10.0.0.1 is full.");
      return { length: data.text.length };
    }),
  );
