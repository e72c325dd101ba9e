import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const PACKAGES = fileURLToPath(new URL("../../..", import.meta.url));

/** A config with two messages and a handler for one of them. */
export const CONFIG = `
import { createQueue, createRegistry, defineMessage, memoryEngine } from "@org/queue";
import { defineConfig } from "@org/queue-worker";
import * as z from "zod";

const mail = defineMessage("MAIL", { data: z.object({ to: z.string() }), queue: "mails" });
const report = defineMessage("REPORT", { data: z.object({}), version: 2, upcast: { 1: (data: unknown) => data } });

export default defineConfig({
  queue: () => createQueue({ registry: createRegistry([mail, report]), engine: memoryEngine() }),
  handlers: { MAIL: async ({ data }) => console.log(data.to) },
});
`;

/** A directory with these files, in which the built packages are installed. It is removed after the test. */
export function temporaryProject(files: Readonly<Record<string, string>>): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "queue-project-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  install(directory, "@org/queue", join(PACKAGES, "core"));
  install(directory, "@org/queue-worker", join(PACKAGES, "worker"));
  install(directory, "zod", join(PACKAGES, "core/node_modules/zod"));
  return directory;
}

function install(directory: string, name: string, target: string): void {
  if (name.startsWith("@org/") && !existsSync(join(target, "dist/index.js"))) {
    throw new Error(`${name} isn't built. Run: npm run build`);
  }
  const path = join(directory, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}
