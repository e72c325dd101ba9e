import { randomSource } from "../../errors/random-source.ts";

/** Crockford's base 32 in lower case: no i, l, o, u, and a double click selects the whole id. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_DIGITS = 10;
const NONCE_DIGITS = 9;
const COUNTER_DIGITS = 5;
const COUNTER_END = 32 ** COUNTER_DIGITS;

/** The counter's two lowest digits, looked up; the others change once in 1,024 ids. */
const PAIRS: readonly string[] = Array.from({ length: 1_024 }, (_, value) => toDigits(value, 2));

/**
 * A source of job ids of 24 characters: ten of time, nine of a random nonce, five of a counter. Ids of one
 * source grow, ids of different sources sort by their millisecond. 45 random bits a process and millisecond
 * keep sources apart; the nonce is drawn again when its 33 million counts are used up.
 */
export function createIdSource(now: () => number): () => string {
  let time = -1;
  let nonce = drawNonce();
  let counter = 0;
  let head = "";

  return () => {
    const current = now();
    // A clock that steps back must not make ids that sort before earlier ones.
    const isLater = current > time;
    if (isLater) time = current;
    if (counter === COUNTER_END) {
      counter = 0;
      nonce = drawNonce();
    }
    const low = counter & 1_023;
    if (isLater || low === 0) {
      head = toDigits(time, TIME_DIGITS) + nonce + toDigits(counter / 1_024, COUNTER_DIGITS - 2);
    }
    counter++;
    return head + PAIRS[low];
  };
}

function drawNonce(): string {
  let nonce = "";
  for (const byte of randomSource().getRandomValues(new Uint8Array(NONCE_DIGITS))) nonce += DIGITS[byte & 31];
  return nonce;
}

function toDigits(value: number, length: number): string {
  let text = "";
  let rest = Math.floor(value);
  for (let index = 0; index < length; index++) {
    text = DIGITS[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
