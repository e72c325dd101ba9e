import { join } from "node:path";
import { bootstrap } from "./bootstrap.mjs";
import { runVitest } from "./suites/package-suite.mjs";
import { command } from "./terminal/command.mjs";
import { environment, root } from "./workspace/toolchain.mjs";

const HELP = `npm run browser

Runs the tests that drive the React hooks in Chromium, against a production build of an app of their own: on Redis, and
on the embedded engine. Needs a Chromium: at /usr/bin/chromium, or where CHROMIUM_PATH says.`;

await command(HELP, async () => {
  await bootstrap();
  const directory = join(root, "packages/next-adapter");
  const { failed } = await runVitest("vitest run --project browser", {
    directory,
    env: environment(directory),
  });
  return failed === 0 ? 0 : 1;
});
