/** A send as a client asks for it, in the body of `POST jobs` and as the argument of `addJobToQueue`. */
export interface SendInput {
  /** The message's name. `message` is another name for it. */
  readonly messageType: string;
  /** As it travels in JSON: a date of a codec is its text. */
  readonly data: unknown;
  /** Chosen by the client, so that a repeat of the send stores nothing new. @default generated */
  readonly id?: string | undefined;
  /** Milliseconds, or a duration such as "5s", within the server's bounds. @default 0 */
  readonly delay?: number | string | undefined;
  /** Attempts in all, within the server's bounds. @default the message's own */
  readonly attempts?: number | undefined;
  /** Not more urgent than the message's own, to 1000. @default the message's own */
  readonly priority?: number | undefined;
  /** Ids of jobs that the user may read, or of earlier ones of the same call. `undefined` members are left out. */
  readonly dependsOn?: readonly (string | Dependency | undefined)[] | undefined;
  /** Must be the signed-in user's, if it is given. */
  readonly userId?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Of the uniform envelope. The server's own clock counts. */
  readonly timestamp?: string | undefined;
}

/** Another job to run after. */
export interface Dependency {
  readonly job: string;
  /** @default "cancel" */
  readonly onFailure?: "cancel" | "run" | "hold" | undefined;
}

/** What a send answers. */
export interface SentJob {
  readonly jobId: string;
  /** False when the id was known already and nothing new was stored. */
  readonly created: boolean;
}
