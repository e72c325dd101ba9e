import { openContext } from "../../src/cli/open-context.ts";
import { Terminal } from "../../src/cli/terminal.ts";

const context = openContext({
  terminal: new Terminal(process),
  env: process.env,
  cwd: process.cwd(),
  config: undefined,
  sharesStdout: true,
  isVerbose: false,
});
context.signal.addEventListener("abort", () => console.log(context.signal.reason.message));
setInterval(() => {}, 60_000);
console.log("ready");
