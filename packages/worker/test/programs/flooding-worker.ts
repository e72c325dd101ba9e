import { writeFileSync } from "node:fs";
import { pinoLogger } from "../../src/logs/pino-logger.ts";

/**
 * Logs many lines at once, as a burst of jobs does. Arguments: how many, how long each, how it ends, and a file for how
 * many milliseconds the lines took.
 */
const [count, length, end, file] = process.argv.slice(2) as [string, string, "flush" | "exit", string];

const { logger, flush } = pinoLogger({ level: "info", format: "json" });
const text = "x".repeat(Number(length));
const startedAt = performance.now();
for (let index = 0; index < Number(count); index++) logger.info({ index }, text);
writeFileSync(file, `${Math.round(performance.now() - startedAt)}`);
if (end === "flush") await flush();
process.exit(0);
