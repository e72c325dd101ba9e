import { runProgram } from "./workspace/program.mjs";

await runProgram("reliability", "src/soak/main.ts", ["--conditions=@org/source"]);
