import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // On two cores Vitest would run one file at a time, and most of a file's time is waiting for servers.
    maxWorkers: 2,
    // A first run may install a server from Debian packages.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
