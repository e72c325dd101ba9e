import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Measurement } from "../../measurement.ts";
import { SYSTEMS } from "../../peers/systems.ts";
import { ENVIRONMENT } from "./figures.ts";
import type { Lab } from "./lab.ts";

/** The machine and the method, as measurements. Text goes into `metric`. */
export async function describeEnvironment({ server, quick }: Lab): Promise<readonly Measurement[]> {
  const fact = (system: string, metric: string, unit = "", value = 1): Measurement => ({
    suite: "peers",
    case: ENVIRONMENT,
    system,
    metric,
    unit,
    value,
  });
  return [
    fact("date", new Date().toISOString().slice(0, 10)),
    fact("run", quick ? "quick" : "full"),
    fact("CPU", cpus()[0]?.model.trim() || "unknown", "cores", cpus().length),
    fact("memory", "of the machine", "GiB", Math.round(totalmem() / 2 ** 30)),
    fact("system", `${process.platform} ${release()}`),
    fact("Node", process.versions.node),
    fact("Redis", await server.version()),
    ...[...new Set([...SYSTEMS.map((system) => system.package), "zod"])].map((name) =>
      fact(name, versionOf(name)),
    ),
  ];
}

/** Searches upwards from the entry point, because some packages don't export their package.json. */
function versionOf(name: string): string {
  const entry = import.meta.resolve?.(name) ?? createRequire(import.meta.url).resolve(name);
  for (let directory = dirname(fileURLToPath(entry)); ; directory = dirname(directory)) {
    try {
      const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
      if (manifest.name === name) return String(manifest.version);
    } catch {
      if (dirname(directory) === directory) return "unknown";
    }
  }
}
