import { defineConfig } from "tsup";

export default defineConfig([
  {
    entry: {
      index: "src/index.ts",
      "actions/index": "src/actions/index.ts",
      "routes/index": "src/routes/index.ts",
      "server-only": "src/server-only.ts",
    },
    format: "esm",
    target: "node20",
    splitting: true,
    sourcemap: true,
    clean: true,
  },
  {
    // A build of its own: no chunk is shared with server code, and the directive stays.
    entry: { "react/index": "src/react/index.ts" },
    format: "esm",
    target: "es2022",
    platform: "browser",
    splitting: false,
    sourcemap: true,
    banner: { js: '"use client";' },
  },
]);
