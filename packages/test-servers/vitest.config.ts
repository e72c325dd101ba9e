import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // A first run may install a server from Debian packages.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
