import { runProgram } from "./workspace/program.mjs";

await runProgram("reliability", "src/main.ts", ["--conditions=@org/source"]);
