import { buildIfChanged } from "../bootstrap.mjs";
import { packPublicPackages } from "../published/pack.mjs";
import { capture } from "../terminal/processes.mjs";
import { inTemporaryDirectory } from "../workspace/temporary-directory.mjs";

/** Checks the packages as users get them: every export resolves to a module and to its types. */
export async function checkPublishedPackages() {
  await buildIfChanged();
  await inTemporaryDirectory(async (directory) => {
    for (const { tarball } of await packPublicPackages(directory)) {
      await Promise.all([
        capture("publint", ["--strict", tarball]),
        // ESM only: `require` works only if Node can require modules.
        capture("attw", ["--profile", "esm-only", "--no-emoji", tarball]),
      ]);
    }
  });
}
