import { runProgram } from "./workspace/program.mjs";

// Suites collect garbage between rounds, so that no round pays for the previous one.
await runProgram("benchmarks", "src/main.ts", ["--expose-gc"]);
