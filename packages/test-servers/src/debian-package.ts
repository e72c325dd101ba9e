import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ServerSource } from "./server-source.ts";

const run = promisify(execFile);

/** Installs a Debian package if this process is root, then starts the server from the machine. */
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
    // The package lists may be missing or outdated.
    await aptGet("update");
    await aptGet("install", "--yes", "--no-install-recommends", name);
  }
}

/** Uses its own lock, because suites start together and `apt-get update` doesn't wait for others. */
async function aptGet(...args: string[]): Promise<void> {
  const options = ["-qq", "-o", "DPkg::Lock::Timeout=120"];
  await run("flock", [join(tmpdir(), "queue-test-servers.lock"), "apt-get", ...options, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    maxBuffer: 16 * 1024 * 1024,
  });
}
