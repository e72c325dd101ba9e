import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@org/source"] },
  ssr: { resolve: { conditions: ["@org/source"] } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    silent: "passed-only",
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: "routes", include: ["test/*.test.ts"] } },
      // Needs a Chromium, and takes minutes: `npm run browser`.
      { extends: true, test: { name: "browser", include: ["test/browser/*.test.ts"] } },
    ],
  },
});
