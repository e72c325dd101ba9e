import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../workspace/toolchain.mjs";

/**
 * The first TypeScript block of a README, which newcomers copy.
 *
 * @param {string} path from the root
 */
export function readmeExample(path) {
  const example = /^```ts\n(.*?)^```$/ms.exec(readReadme(path))?.[1];
  if (!example) throw new Error(`${path} has no \`\`\`ts block, so there is no first example to run.`);
  return example;
}

/** @param {string} path */
function readReadme(path) {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch (error) {
    throw new Error(`${path} is missing: its first \`\`\`ts block is the example to run.`, { cause: error });
  }
}
