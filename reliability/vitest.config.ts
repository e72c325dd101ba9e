import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    // A scenario is many processes: those of one file play at the same time, files one after the other.
    fileParallelism: false,
    maxConcurrency: 4,
    // A first run may install a server from Debian's packages, or pull an image.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
