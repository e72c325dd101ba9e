import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture } from "./terminal/processes.mjs";
import { step } from "./terminal/progress.mjs";
import { fingerprint } from "./workspace/fingerprint.mjs";
import { packagesWith, workspacePackages } from "./workspace/packages.mjs";
import { environment, node, pinnedPnpm, pnpm, root } from "./workspace/toolchain.mjs";

const OLDEST_NODE = [20, 9];
/** Fingerprints of what was installed and built. In node_modules, so that removing it starts afresh. */
const STAMP_FILE = join(root, "node_modules/.queue-bootstrap.json");

/** Makes a clone ready to run. Prints nothing if there is nothing to do. */
export async function bootstrap() {
  await installIfChanged();
  await buildIfChanged();
}

/** Installs dependencies if a package.json or the lockfile has changed. */
export async function installIfChanged() {
  requireNode();
  const installation = installFingerprint();
  if (readStamp().installation === installation && existsSync(node)) return;
  await step("installing dependencies", install);
  writeStamp({ installation });
}

/** Builds the packages whose sources changed since their last build. */
export async function buildIfChanged() {
  const stale = stalePackages();
  if (stale.length === 0) return;
  // Cleared before the build, because a failed build may have overwritten the output.
  writeStamp({ builds: Object.fromEntries(stale.map(({ name }) => [name, undefined])) });
  await step(`building ${stale.map(({ name }) => name).join(", ")}`, () => build(stale));
  writeStamp({ builds: Object.fromEntries(stale.map(({ name, sources }) => [name, sources])) });
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(
    `This needs Node ${OLDEST_NODE.join(".")} or later, but ${process.execPath} is ${process.version}. Update Node.`,
  );
}

function installFingerprint() {
  const manifests = workspacePackages().map(({ directory }) => join(directory, "package.json"));
  const own = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"].map((file) => join(root, file));
  return fingerprint([...own, ...manifests]);
}

async function install() {
  const options = ["--frozen-lockfile", "--reporter=append-only", "--loglevel=info"];
  // Keeps pnpm from asking before it replaces node_modules.
  options.push("--config.confirmModulesPurge=false");
  await capture("npx", ["--yes", pinnedPnpm(), "install", ...options], {
    // Hides npm's warnings about the user's own settings.
    env: { ...process.env, npm_config_loglevel: "error" },
  });
}

/**
 * Packages whose sources have changed since their last build, with their fingerprints. Dependents stay fresh: they
 * import the build, and don't contain it.
 */
function stalePackages() {
  const { builds = {} } = readStamp();
  return packagesWith("build")
    .filter(({ path }) => path.startsWith("packages/"))
    .map(({ name, directory }) => {
      const sources = fingerprint([directory, join(root, "tsconfig.base.json")]);
      return { name, sources, isBuilt: existsSync(join(directory, "dist")) };
    })
    .filter(({ name, sources, isBuilt }) => !isBuilt || builds[name] !== sources);
}

/** @param {readonly { name: string }[]} packages */
async function build(packages) {
  // pnpm builds dependencies first.
  const filters = packages.flatMap(({ name }) => ["--filter", name]);
  await capture(node, [pnpm, ...filters, "run", "build"], { env: environment() });
}

/** @returns {{ installation?: string, builds?: Record<string, string | undefined> }} */
function readStamp() {
  try {
    return JSON.parse(readFileSync(STAMP_FILE, "utf8"));
  } catch {
    return {};
  }
}

/**
 * @param {{ installation?: string, builds?: Record<string, string | undefined> }} change `undefined` removes a stamp
 */
function writeStamp(change) {
  const before = readStamp();
  const after = { ...before, ...change, builds: { ...before.builds, ...change.builds } };
  writeFileSync(STAMP_FILE, JSON.stringify(after, null, 2));
}
