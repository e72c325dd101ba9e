import { cp } from "node:fs/promises";
import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    "contract/index": "src/contract/index.ts",
    "engine/index": "src/engine/index.ts",
    "json-schema/index": "src/json-schema/index.ts",
    "postgres/index": "src/postgres/index.ts",
    "redis/index": "src/redis/index.ts",
    "testing/index": "src/testing/index.ts",
  },
  format: "esm",
  target: "node20",
  platform: "neutral",
  // Entries share chunks, so an app that imports two of them has each class once.
  splitting: true,
  sourcemap: true,
  clean: true,
  external: [/^node:/],
  // For those who keep them among their own.
  onSuccess: () => cp("src/postgres/migrations", "dist/postgres/migrations", { recursive: true }),
});
