import { createHash } from "node:crypto";
import type { WireError } from "../protocol/refusals.ts";

/** Follows topics. It is told that one has changed, and takes its value when it is ready to. */
export interface Watcher {
  onTopic(topic: Topic): void;
}

/** Something that clients follow, with its newest value: computed once a change, however many follow it. */
export class Topic<Value = unknown> {
  readonly key: string;
  readonly watchers = new Set<Watcher>();
  #value: Value | undefined;
  #version: string | undefined;
  #json = "";
  #error: WireError | undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** Whether it has been read yet. */
  get isLoaded(): boolean {
    return this.#version !== undefined;
  }

  /** As of the last read. */
  get value(): Value | undefined {
    return this.#value;
  }

  /** The same for equal values, also of another process. `""` until it has been read. */
  get version(): string {
    return this.#version ?? "";
  }

  /** Why it can't be read for now. */
  get error(): WireError | undefined {
    return this.#error;
  }

  /** The value as JSON text. */
  get json(): string {
    return this.#json;
  }

  /** Tells the watchers if the value has changed, or is known for the first time. */
  set(value: Value): void {
    const json = JSON.stringify(value);
    const version = versionOf(json);
    const hasChanged = version !== this.#version || this.#error !== undefined;
    this.#error = undefined;
    this.#value = value;
    this.#json = json;
    this.#version = version;
    if (hasChanged) this.#notify();
  }

  /** Tells the watchers, once, that it can't be read. Whoever has its last value keeps it. */
  fail(error: WireError): void {
    const isNew = this.#error?.code !== error.code;
    this.#error = error;
    if (isNew) this.#notify();
  }

  #notify(): void {
    for (const watcher of this.watchers) watcher.onTopic(this);
  }
}

/** Of 72 bits: two states of one subject don't meet by chance. */
export function versionOf(json: string): string {
  return createHash("sha1").update(json).digest("base64url").slice(0, 12);
}
