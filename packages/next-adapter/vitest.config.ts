import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    silent: "passed-only",
    // On two cores Vitest would run one file at a time, and most of a file's time is waiting for processes.
    maxWorkers: 2,
  },
});
