import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

interface Manifest {
  readonly version: string;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface InstalledPackage {
  readonly name: string;
  /** `undefined`: it isn't installed. */
  readonly version: string | undefined;
  /** What `@org/queue` needs, as in `^6.0.0`. */
  readonly range: string;
  readonly isSupported: boolean;
}

/** `@org/queue` as a file sees it, and the packages that it needs there. `undefined`: it isn't installed. */
export function readInstalled(
  file: string,
): { readonly version: string; readonly peers: readonly InstalledPackage[] } | undefined {
  const own = find("@org/queue", file);
  if (!own) return undefined;
  const { version, peerDependencies = {} } = own.manifest;
  const peers = Object.entries(peerDependencies).map(([name, range]) => {
    const found = find(name, own.path)?.manifest.version;
    return { name, version: found, range, isSupported: found !== undefined && satisfies(found, range) };
  });
  return { version, peers };
}

/** As `import` finds it: upwards from a file, through links, and not by NODE_PATH. */
function find(
  name: string,
  from: string,
): { readonly path: string; readonly manifest: Manifest } | undefined {
  for (let directory = dirname(from); ; directory = dirname(directory)) {
    const path = join(directory, "node_modules", name, "package.json");
    if (existsSync(path)) return read(realpathSync(path));
    if (directory === dirname(directory)) return undefined;
  }
}

function read(path: string): { readonly path: string; readonly manifest: Manifest } | undefined {
  try {
    return { path, manifest: JSON.parse(readFileSync(path, "utf8")) as Manifest };
  } catch {
    return undefined;
  }
}

/** Of ranges like `^6.1.0`, and of `^0.45.0`, whose minor version counts as a major one. */
function satisfies(version: string, range: string): boolean {
  const [have, need] = [version, range.replace(/^\^/, "")].map((text) => text.split(/[.-]/).map(Number));
  const [major = 0, minor = 0, patch = 0] = have!;
  const [leastMajor = 0, leastMinor = 0, leastPatch = 0] = need!;
  if (major !== leastMajor) return false;
  if (major === 0 && minor !== leastMinor) return false;
  return minor > leastMinor || (minor === leastMinor && patch >= leastPatch);
}

/** Whether the environment names a Redis server, as `engineFromEnv` reads it. */
export function namesRedis(env: Readonly<Record<string, string | undefined>>): boolean {
  return env.QUEUE_ENGINE !== "memory" && Boolean(env.REDIS_URL || env.REDIS_HOST);
}
