import { type Duration, parseDuration, QueueError } from "@org/queue";
import * as z from "zod/mini";
import type { Access, Grant, StatusSubject } from "../access/authorize.ts";
import { isSignedBy, sign, toBase64Url } from "./signature.ts";

/** Secrets that tokens are signed with, and for whom. */
export interface TokenOptions {
  /**
   * Secrets of at least 32 characters by the id that tokens name. The first signs; the others are still accepted, so that
   * a secret can be replaced without refusing the tokens that are out.
   */
  readonly keys: Readonly<Record<string, string>>;
  /** The name of the service that accepts them: a token for another one is refused. */
  readonly audience: string;
}

/** What a token allows. What it doesn't name is refused. */
export interface TokenClaims {
  /** On whose behalf. Becomes the `userId` of what is sent. */
  readonly userId: string;
  readonly actions: readonly Access["action"][];
  /** Jobs that it is for. @default the user's own */
  readonly jobs?: readonly string[] | undefined;
  /** Messages that it may send. @default none */
  readonly messages?: readonly string[] | undefined;
  /** Subjects whose statuses it may read. @default none */
  readonly statuses?: readonly { readonly table: string; readonly key: StatusSubject }[] | undefined;
}

const MAX_AGE = 15 * 60_000;
const MIN_SECRET = 32;

const payloadSchema = z.strictObject({
  aud: z.string(),
  exp: z.number(),
  userId: z.string().check(z.minLength(1)),
  actions: z.array(z.string()),
  jobs: z.optional(z.array(z.string())),
  messages: z.optional(z.array(z.string())),
  statuses: z.optional(
    z.array(z.strictObject({ table: z.string(), key: z.record(z.string(), z.unknown()) })),
  ),
});

type Payload = z.output<typeof payloadSchema>;

/**
 * Signs a token for a page of another origin, which sends it as `Authorization: Bearer …`. It is good for at most 15
 * minutes.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const token = await signAccessToken(tokens, { userId, actions: ["read-jobs"], jobs: [jobId] }, { expiresIn: "5m" });
 */
export async function signAccessToken(
  options: TokenOptions,
  claims: TokenClaims,
  { expiresIn = "15m", now = Date.now() }: { readonly expiresIn?: Duration; readonly now?: number } = {},
): Promise<string> {
  assertTokenOptions("signAccessToken", options);
  const age = typeof expiresIn === "number" ? expiresIn : parseDuration(expiresIn);
  if (age === undefined || !(age > 0 && age <= MAX_AGE)) {
    throw new QueueError("INVALID_OPTIONS", "signAccessToken: expiresIn must be a duration of up to 15m.");
  }
  const [keyId, secret] = Object.entries(options.keys)[0]!;
  const payload: Payload = payloadSchema.parse({ ...claims, aud: options.audience, exp: now + age });
  const text = `${keyId}.${toBase64Url(new TextEncoder().encode(JSON.stringify(payload)))}`;
  return `${text}.${await sign(secret, text)}`;
}

/** What a token's bearer may do, or `null` if it is expired, altered, or for somebody else. Never throws. */
export async function readAccessToken(
  { keys, audience }: TokenOptions,
  token: string,
  now: number = Date.now(),
): Promise<TokenClaims | null> {
  const [keyId = "", encoded = "", signature = "", ...rest] = token.split(".");
  const secret = Object.hasOwn(keys, keyId) ? keys[keyId] : undefined;
  if (secret === undefined || rest.length > 0) return null;
  if (!(await isSignedBy(secret, `${keyId}.${encoded}`, signature))) return null;
  const parsed = payloadSchema.safeParse(parseJson(encoded));
  if (!parsed.success || parsed.data.aud !== audience || parsed.data.exp <= now) return null;
  const { aud: _, exp: __, ...claims } = parsed.data;
  return claims as TokenClaims;
}

/** The decision of a token about one access. */
export function grantOf(claims: TokenClaims, access: Access): Grant | false {
  const { userId, actions, jobs, messages = [], statuses = [] } = claims;
  if (!actions.includes(access.action)) return false;
  switch (access.action) {
    case "send":
      return { userId, allow: messages.includes(access.message) };
    case "read-jobs":
    case "cancel-job":
    case "retry-job":
      // A token for certain jobs isn't one for the user's others.
      return jobs ? { allow: (subject) => "id" in subject && jobs.includes(String(subject.id)) } : { userId };
    case "read-statuses":
    case "list-statuses": {
      const { table } = access;
      return {
        userId,
        allow: (key) => statuses.some((one) => one.table === table && isSameKey(one.key, key)),
      };
    }
    case "clear-queue":
      return false;
    default:
      return { userId, allow: access.action !== "list-jobs" };
  }
}

/** @throws {QueueError} `INVALID_OPTIONS` for secrets that are missing or could be guessed. */
export function assertTokenOptions(what: string, { keys, audience }: TokenOptions): void {
  const secrets = Object.entries(Object(keys) as Record<string, unknown>);
  const isStrong = secrets.every(
    ([id, secret]) => /^[\w-]+$/.test(id) && typeof secret === "string" && secret.length >= MIN_SECRET,
  );
  if (secrets.length > 0 && isStrong && typeof audience === "string" && audience !== "") return;
  throw new QueueError(
    "INVALID_OPTIONS",
    `${what}: tokens need keys of at least ${MIN_SECRET} characters by their ids, and an audience.`,
  );
}

function isSameKey(wanted: StatusSubject, given: object): boolean {
  const names = Object.keys(wanted);
  return (
    names.length === Object.keys(given).length &&
    names.every(
      (name) => Object.hasOwn(given, name) && String(wanted[name]) === String(Reflect.get(given, name)),
    )
  );
}

function parseJson(encoded: string): unknown {
  try {
    return JSON.parse(Buffer.from(encoded, "base64url").toString());
  } catch {
    return undefined;
  }
}
