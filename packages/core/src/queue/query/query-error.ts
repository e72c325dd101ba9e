import { QueueError } from "../../errors/queue-error.ts";

/** What can't be read in the text of a query, and where. Its code is `INVALID_OPTIONS`. */
export class JobQueryError extends QueueError {
  override readonly name = "JobQueryError";
  /** Where the problem begins in the text, in UTF-16 units from 0. The message counts columns from 1. */
  readonly position: number;

  constructor(position: number, problem: string) {
    super("INVALID_OPTIONS", `Column ${position + 1} of the query: ${problem}`);
    this.position = position;
  }
}
