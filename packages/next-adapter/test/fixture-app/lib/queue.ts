import { createQueue, engineFromEnv } from "@org/queue";
import { perProcess } from "@org/queue-next";
import { registry } from "./messages";

const engine = perProcess("engine", () => engineFromEnv({ embeddedInProduction: "allow" }));

export const queue = createQueue({ registry, engine, closeEngine: false });
