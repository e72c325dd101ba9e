import { fileURLToPath } from "node:url";
import type { NextConfig } from "next";

const config: NextConfig = {
  distDir: process.env.DIST_DIR ?? ".next",
  cacheComponents: true,
  turbopack: { root: fileURLToPath(new URL("../../../..", import.meta.url)) },
  typescript: { ignoreBuildErrors: true },
};
export default config;
