/**
 * The exit codes of the `queue` command and of worker processes. Those from 64 on are the ones of `sysexits.h`. A process
 * that a signal has ended exits with 128 plus the signal's number.
 */
export const EXIT_CODES = {
  /** Everything that was asked for is done. */
  OK: 0,
  /** It failed: an operation was refused, an uncaught error of the app, reasons of `queue health`, problems of `queue doctor`. */
  FAILED: 1,
  /** Only of `queue health`: the queue is unhealthy. */
  UNHEALTHY: 2,
  /** Only of `queue wait`: the job was cancelled. */
  CANCELLED: 3,
  /**
   * An unknown command, flag or message, a missing argument, a value that can't be read, data that isn't valid, a
   * question without a terminal and without `--yes`.
   */
  USAGE: 64,
  /** The engine, its server or the database can't be reached. */
  UNAVAILABLE: 69,
  /** Worker processes ended again and again: the supervisor has given up. */
  CRASH_LOOP: 70,
  /** A worker process that has stopped in order to be started again: it used more memory than its bound. */
  RESTART: 75,
  /** The config or the environment is missing, broken or refused. */
  CONFIG: 78,
  /** Only of `queue wait`: the job hasn't ended within `--timeout`. As `timeout` has it. */
  WAIT_TIMEOUT: 124,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** An error that a user of the command can act upon: printed as it is, without its stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT_CODES.FAILED, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
