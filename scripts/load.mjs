import { runProgram } from "./workspace/program.mjs";

await runProgram("packages/next-adapter", "test/load/main.ts", ["--conditions=@org/source"]);
