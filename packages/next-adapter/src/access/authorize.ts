import type { JobState, Message, SendData } from "@org/queue";

/** A job that a client names, as far as rights depend on it. */
export interface JobSubject {
  readonly id: string;
  readonly messageType: string;
  readonly queue: string;
  readonly state: JobState;
  readonly userId?: string;
  readonly orderingKey?: string;
}

/** A subject with a status: the key of its row. */
export type StatusSubject = Readonly<Record<string, unknown>>;

/** A send that a client asks for. Its data has been validated, and is as `send` takes it. */
export type SendAccess<M extends Message = Message> = M extends Message
  ? {
      readonly action: "send";
      readonly message: M["name"];
      readonly data: SendData<M>;
      /** Ids of jobs to run after. They are authorised as reads besides. */
      readonly dependsOn: readonly string[];
    }
  : never;

/** What a client is about to do. Narrow it by `action`. */
export type Access<M extends Message = Message> = (
  | SendAccess<M>
  /** A send has invalid data. Whoever gets a grant is told what is wrong with each field. */
  | { readonly action: "read-issues"; readonly message: M["name"] }
  /** Stored jobs that the client named. */
  | { readonly action: "read-jobs"; readonly jobs: readonly JobSubject[] }
  | { readonly action: "list-jobs"; readonly filter: JobListFilter }
  | { readonly action: "cancel-job" | "retry-job"; readonly job: JobSubject }
  | {
      readonly action: "read-statuses";
      readonly table: string;
      readonly subjects: readonly StatusSubject[];
    }
  | {
      readonly action: "list-statuses";
      readonly table: string;
      /** Values of declared columns that the rows must have. */
      readonly where: Readonly<Record<string, unknown>>;
    }
  | { readonly action: "read-stats" | "read-health" }
  /** Only in development. */
  | { readonly action: "clear-queue"; readonly queue: string }
) & {
  /** Of a route. Absent in server actions: read `cookies()` and `headers()` of `next/headers` there. */
  readonly request?: Request;
};

/** What a client lists jobs by. */
export interface JobListFilter {
  /** Absent: of all users. */
  readonly userId?: string;
  readonly orderingKey?: string;
  readonly message?: string;
  readonly states?: readonly JobState[];
}

/** Who is asking, and whether this access is allowed. */
export interface Grant {
  /**
   * Becomes the `userId` of what is sent. A user may read, cancel and retry their own jobs, and list them: that needs no
   * `allow`.
   */
  readonly userId?: string | undefined;
  /**
   * Whether exactly this access is allowed, also to what isn't the user's own. For several jobs or keys at once, a
   * function may decide each. @default false
   */
  readonly allow?: boolean | ((subject: JobSubject | StatusSubject) => boolean) | undefined;
}

/**
 * Decides about each access of a client. `null` or `undefined`: nobody is signed in (401). `false`: refused (403). A
 * grant says who it is, and allows what is theirs; `allow` allows more. It is called before the client
 * sees or changes anything. What it throws is logged, and the client gets `INTERNAL_ERROR`.
 *
 * @example
 * const authorize: Authorize<AppMessage> = async (access) => {
 *   const user = await currentUser();
 *   if (!user) return null;
 *   if (access.action === "send") return { userId: user.id, allow: access.message !== "EMAIL" };
 *   return { userId: user.id, allow: user.isAdmin };
 * };
 */
export type Authorize<M extends Message = Message> = (
  access: Access<M>,
) => Grant | false | null | undefined | Promise<Grant | false | null | undefined>;
