import { runProgram } from "./workspace/program.mjs";

// A suite collects garbage between its rounds, so that none pays for the one before.
await runProgram("benchmarks", "src/main.ts", ["--expose-gc"]);
