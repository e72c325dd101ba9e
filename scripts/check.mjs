import { parseArgs } from "node:util";
import { installIfChanged } from "./bootstrap.mjs";
import { runChecks } from "./checks/run-checks.mjs";
import { command } from "./terminal/command.mjs";

const HELP = `npm run check [-- NAME …] [--verbose]

Lint, format, types, dead code, generated pages, published packages and file lengths, side by side.
With names, only the checks whose title contains one of them: npm run check -- types knip

  --verbose  also lists what is allowed but worth a look (long files)

npm run format mends lint and format; npm run generate rewrites the generated files.`;

await command(HELP, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { verbose: { type: "boolean", default: false } },
  });
  await installIfChanged();
  const { failed } = await runChecks({ only: positionals, verbose: values.verbose });
  return failed === 0 ? 0 : 1;
});
