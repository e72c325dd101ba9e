import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Test files of a worker share its PGlite and its modules.
    isolate: false,
    // On two cores Vitest would run one file at a time.
    maxWorkers: 2,
  },
});
