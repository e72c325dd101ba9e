import { readFileSync } from "node:fs";
import type { Page } from "./page.ts";

const MANIFEST = new URL("../../packages/core/package.json", import.meta.url);

/** The package's version as TypeScript, so that nothing reads files at run time. */
export const versionPage: Page = {
  path: "packages/core/src/worker/version.ts",
  source: "packages/core/package.json",
  render() {
    const { version } = JSON.parse(readFileSync(MANIFEST, "utf8"));
    return `/** The version of this library. */\nexport const VERSION = ${JSON.stringify(version)};\n`;
  },
};
