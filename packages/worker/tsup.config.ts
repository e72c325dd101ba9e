import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", cli: "src/cli.ts" },
  format: "esm",
  target: "node20",
  platform: "node",
  // Each command is a chunk of its own, so that `--help` loads none of what they need.
  splitting: true,
  sourcemap: true,
  clean: true,
});
