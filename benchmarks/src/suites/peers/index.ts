import type { Measurement, Suite } from "../../measurement.ts";
import { SYSTEMS } from "../../peers/systems.ts";
import { judge } from "./budgets.ts";
import { CASES } from "./cases.ts";
import { describeEnvironment } from "./environment.ts";
import { renderPage } from "./page.ts";
import { startServer } from "./redis-server.ts";
import { formatTable } from "./table.ts";

/** The same work on this library and on its peers, in turn, on one Redis server. */
export const peersSuite: Suite = {
  name: "peers",
  describes: `${SYSTEMS.map(({ name }) => name).join(", ")}: the same work on the same Redis`,
  cases: CASES.map(({ name }) => name),
  async run({ quick, only, progress }) {
    await using server = await startServer();
    const lab = { quick, server, progress };
    const measurements: Measurement[] = [...(await describeEnvironment(lab))];
    for (const { name, run } of CASES) {
      const isWanted =
        only.length === 0 || only.some((part) => name.toLowerCase().includes(part.toLowerCase()));
      if (isWanted) measurements.push(...(await run(lab)));
    }
    return measurements;
  },
  report: formatTable,
  judge,
  page: { file: new URL("../../../../docs/benchmarks.md", import.meta.url), render: renderPage },
};
