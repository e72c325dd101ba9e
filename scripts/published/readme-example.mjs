import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../workspace/toolchain.mjs";

/** The first TypeScript block of the README, which newcomers copy. */
export function readmeExample() {
  const example = /^```ts\n(.*?)^```$/ms.exec(readReadme())?.[1];
  if (!example) throw new Error("README.md has no ```ts block, so there is no first example to run.");
  return example;
}

function readReadme() {
  try {
    return readFileSync(join(root, "README.md"), "utf8");
  } catch (error) {
    throw new Error("README.md is missing: its first ```ts block is the example to run.", { cause: error });
  }
}
