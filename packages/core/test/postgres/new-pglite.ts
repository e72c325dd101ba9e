import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";

const cache = new URL("../../node_modules/.cache/", import.meta.url);
/** Of the installed version, whose directory has the version in its name. */
const fingerprint = createHash("sha256")
  .update(import.meta.resolve("@electric-sql/pglite"))
  .digest("hex");
const image = new URL(`pglite-${fingerprint.slice(0, 16)}.tar`, cache);

/** An empty PGlite in memory. Creating a cluster takes seconds, so only the first one is: the others are copies. */
export async function newPglite(): Promise<PGlite> {
  const stored = await readFile(image).catch(() => undefined);
  return stored ? PGlite.create({ loadDataDir: new Blob([stored]) }) : createAndStore();
}

async function createAndStore(): Promise<PGlite> {
  const client = await PGlite.create();
  const dump = await client.dumpDataDir("none");
  await mkdir(cache, { recursive: true });
  // Renamed when complete, because other test files may read it meanwhile.
  const part = new URL(`${image.href}.${process.pid}`);
  await writeFile(part, Buffer.from(await dump.arrayBuffer()));
  await rename(part, image);
  return client;
}
