import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    // A scenario has many processes. Scenarios of one file run concurrently, files one after the other.
    fileParallelism: false,
    maxConcurrency: 4,
    // A first run may install a server from Debian packages.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
