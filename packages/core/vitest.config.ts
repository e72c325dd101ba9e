import { defineConfig } from "vitest/config";

/** They start servers or processes, or test what a process does once. */
const ISOLATED = [
  "test/redis-*.test.ts",
  "test/{browser-bundle,engine-from-env,guide,old-runtime,properties,queue-stuck}.test.ts",
];

export default defineConfig({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    testTimeout: 20_000,
    // On two cores Vitest would run one file at a time, and most of a file's time is waiting for servers.
    maxWorkers: 2,
    silent: "passed-only",
    projects: [
      {
        extends: true,
        test: { name: "isolated", include: ISOLATED },
      },
      // A process of its own for each of many short files takes longer than they do.
      {
        extends: true,
        test: { name: "shared", include: ["test/*.test.ts"], exclude: ISOLATED, isolate: false },
      },
      {
        extends: true,
        test: {
          name: "postgres",
          include: ["test/postgres/*.test.ts"],
          setupFiles: ["test/postgres/clean-up.ts"],
          isolate: false,
        },
      },
    ],
  },
});
