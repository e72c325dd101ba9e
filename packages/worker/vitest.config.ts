import { defineConfig } from "vitest/config";

/** Has delays under load to keep: it runs alone, after all others. */
const LOAD = "test/rolling-deploy.test.ts";

export default defineConfig({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // On two cores Vitest would run one file at a time, and most of a file's time is waiting for processes.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "worker",
          include: ["test/**/*.test.ts"],
          exclude: [LOAD],
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: "load", include: [LOAD], sequence: { groupOrder: 1 } } },
    ],
  },
});
