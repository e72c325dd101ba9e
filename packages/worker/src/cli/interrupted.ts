/** The reason of a command's aborted signal. A command that rejects with it ends silently, with its exit code. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals, exitCode: number) {
    super(`Interrupted by ${signal}.`);
    this.exitCode = exitCode;
  }
}
