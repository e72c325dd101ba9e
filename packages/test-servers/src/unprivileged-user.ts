import { execFileSync } from "node:child_process";

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The user for servers that refuse to run as root, or `undefined` if this process isn't root. */
export function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return lookUp("postgres") ?? lookUp("nobody");
}

function lookUp(name: string): User | undefined {
  try {
    return { uid: id("-u", name), gid: id("-g", name) };
  } catch {
    return undefined;
  }
}

function id(which: "-u" | "-g", name: string): number {
  return Number(execFileSync("id", [which, name], { stdio: ["ignore", "pipe", "ignore"] }));
}
