import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ServerSource } from "./server-source.ts";

const run = promisify(execFile);

/** Installs a Debian package where that needs no one's leave, then starts the server from the machine. */
export function debianPackage(name: string, fromMachine: ServerSource): ServerSource {
  return {
    name: "Debian package",
    async start() {
      if (!existsSync("/etc/debian_version")) return { unavailable: "not a Debian machine" };
      if (process.getuid?.() !== 0) return { unavailable: "needs root" };
      await install(name);
      return fromMachine.start();
    },
  };
}

async function install(name: string): Promise<void> {
  try {
    await aptGet("install", "--yes", "--no-install-recommends", name);
  } catch {
    // The machine's package lists are missing or older than the archive.
    await aptGet("update");
    await aptGet("install", "--yes", "--no-install-recommends", name);
  }
}

/** Under a lock of our own: suites start together, and `apt-get update` waits for nobody. */
async function aptGet(...args: string[]): Promise<void> {
  const options = ["-qq", "-o", "DPkg::Lock::Timeout=120"];
  await run("flock", [join(tmpdir(), "queue-test-servers.lock"), "apt-get", ...options, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    maxBuffer: 16 * 1024 * 1024,
  });
}
