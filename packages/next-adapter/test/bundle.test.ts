import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

/** Bytes, minified and gzipped, of a page's code that uses every hook, without React. */
const MAX_BYTES = 7_200;

async function bundle(entry: string) {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export * from "${entry}";`,
      resolveDir: fileURLToPath(new URL("..", import.meta.url)),
    },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    conditions: ["@org/source"],
    external: ["react"],
  });
  return { code: outputFiles[0]!.text, files: Object.keys(metafile.inputs) };
}

describe("the hooks in a browser", () => {
  it("are small", async () => {
    const { code } = await bundle("./src/react/index.ts");
    expect(gzipSync(code, { level: 9 }).byteLength).toBeLessThan(MAX_BYTES);
  });

  it("bring no code of the server and no contracts", async () => {
    const { code, files } = await bundle("./src/react/index.ts");
    expect(files.filter((file) => !/src\/(react|client|protocol)\/|^<stdin>$/.test(file))).toEqual([]);
    expect(code).not.toMatch(/node:|createHmac|ioredis|zod|authorize/);
  });
});
