import type { CommandEntry } from "./command.ts";

/** Every command, grouped as in the help. Each is loaded when it is run. */
export const COMMANDS: Readonly<Record<string, readonly CommandEntry[]>> = {
  Configure: [
    {
      name: "check",
      summary: "checks the config, and starts nothing",
      load: async () => (await import("./commands/check.ts")).check,
    },
  ],
};
