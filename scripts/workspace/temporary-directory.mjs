import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * @template T
 * @param {(directory: string) => Promise<T>} work
 */
export async function inTemporaryDirectory(work) {
  const directory = await mkdtemp(join(tmpdir(), "queue-"));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
