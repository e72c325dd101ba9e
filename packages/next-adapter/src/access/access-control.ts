import { QueueError } from "@org/queue";
import { grantOf, readAccessToken, type TokenOptions } from "../tokens/access-token.ts";
import type { Access, Authorize, Grant, JobSubject, StatusSubject } from "./authorize.ts";
import { Refusal, rethrowNextSignal } from "./refusal.ts";

/** What the app's `authorize` has decided about one access. */
export interface Permit {
  /** Who it is, if `authorize` said so. */
  readonly userId: string | undefined;
  /** Whether the access is allowed as a whole, whoever its subjects belong to. */
  readonly allowsAll: boolean;
  /** Whether it is allowed for this job. A user's own jobs always are. */
  allowsJob(job: JobSubject): boolean;
  /** Whether it is allowed for the status of this subject. */
  allowsStatus(subject: StatusSubject): boolean;
}

/** Asks the app's `authorize`, or the token of a request that has one. What isn't allowed is refused. */
export class AccessControl {
  readonly #authorize: Authorize;
  readonly #tokens: TokenOptions | undefined;

  /**
   * @param what the function that the app has called, for the error
   * @throws {QueueError} `INVALID_OPTIONS` without an `authorize`.
   */
  constructor(what: string, authorize: Authorize | undefined, tokens?: TokenOptions) {
    if (typeof authorize !== "function") {
      throw new QueueError(
        "INVALID_OPTIONS",
        `${what}: \`authorize\` is missing, and without it anybody could send jobs and read them. Pass a function: ` +
          "null refuses who isn't signed in, { userId } allows what is theirs, and `allow: true` allows more.",
      );
    }
    this.#authorize = authorize;
    this.#tokens = tokens;
  }

  /**
   * Who is asking, and what they may.
   *
   * @throws {Refusal} `UNAUTHENTICATED`, `FORBIDDEN`.
   */
  async permit(access: Access): Promise<Permit> {
    const grant = await this.#ask(access);
    if (grant === null || grant === undefined) throw new Refusal("UNAUTHENTICATED");
    if (grant === false) throw new Refusal("FORBIDDEN");
    return toPermit(grant);
  }

  /**
   * The permit of an access that must be allowed as a whole.
   *
   * @throws {Refusal} as `permit`.
   */
  async require(access: Access): Promise<Permit> {
    const permit = await this.permit(access);
    if (!permit.allowsAll) throw new Refusal("FORBIDDEN");
    return permit;
  }

  async #ask(access: Access): Promise<Grant | false | null | undefined> {
    const token = this.#tokens && bearerToken(access.request);
    if (this.#tokens && token !== undefined) {
      const claims = await readAccessToken(this.#tokens, token);
      return claims && grantOf(claims, access);
    }
    let grant: unknown;
    try {
      grant = await this.#authorize(access);
    } catch (error) {
      rethrowNextSignal(error);
      throw new Error(`authorize failed for ${access.action}, so it was refused.`, { cause: error });
    }
    if (grant === null || grant === undefined || grant === false || isGrant(grant)) return grant;
    throw new Error(
      `authorize must return a grant such as { userId }, false or null. For ${access.action} it didn't.`,
    );
  }
}

function bearerToken(request: Request | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request?.headers.get("authorization") ?? "")?.[1];
}

function isGrant(value: unknown): value is Grant {
  if (typeof value !== "object" || value === null) return false;
  const { userId, allow } = value as { readonly [Name in keyof Grant]: unknown };
  const hasUser = userId === undefined || (typeof userId === "string" && userId !== "");
  return hasUser && (allow === undefined || typeof allow === "boolean" || typeof allow === "function");
}

function toPermit({ userId, allow = false }: Grant): Permit {
  const allows = (subject: JobSubject | StatusSubject) =>
    allow === true || (typeof allow === "function" && allow(subject) === true);
  return {
    userId,
    allowsAll: allow === true,
    allowsJob: (job) => (userId !== undefined && job.userId === userId) || allows(job),
    allowsStatus: allows,
  };
}
