import type { ReadStream, WriteStream } from "node:tty";
import type { Queue } from "@org/queue";
import type { Terminal } from "../terminal.ts";
import { FullScreen } from "./full-screen.ts";
import { readJobLines } from "./job-lines.ts";
import { type Effect, pressKey } from "./key-actions.ts";
import type { Key } from "./keys.ts";
import type { TopModel } from "./model.ts";
import { sayError, type TopReader } from "./reader.ts";
import { type ScreenOptions, screenLines, scrollOf } from "./screen.ts";
import { type Change, describeDone, INITIAL_VIEW, type TopView } from "./view.ts";

export interface TopParts {
  readonly queue: Queue;
  readonly reader: TopReader;
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds between two readings. */
  readonly interval: number;
}

/** Milliseconds without an answer after which the screen says so. */
const ANSWER_TIMEOUT = 5_000;
/** Milliseconds between two frames that show failures as they happen. */
const FRAME_INTERVAL = 250;

/** Reads at intervals, shows what was read, and does what keys ask for. */
export class TopSession {
  readonly done: Promise<void>;
  readonly #parts: TopParts;
  readonly #screen: FullScreen;
  #end: () => void = () => {};
  #model: TopModel;
  #view: TopView = INITIAL_VIEW;
  #jobLines: readonly string[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #frameTimer: NodeJS.Timeout | undefined;
  #isReading = false;
  #readsAgain = false;
  #isEnded = false;

  constructor(parts: TopParts, model: TopModel) {
    this.#parts = parts;
    this.#model = model;
    this.done = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#screen = new FullScreen({
      stdin: parts.terminal.stdin as ReadStream,
      stdout: parts.terminal.stdout as WriteStream,
      onKey: (key) => this.#onKey(key),
      onRedraw: () => this.#onRedraw(),
      onEnd: () => this.end(),
    });
  }

  start(): void {
    this.#screen.start();
    this.#schedule();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#frameTimer);
    this.#screen.stop();
    this.#end();
  }

  /** A job has failed since the last reading. */
  onFailure(): void {
    this.#frameTimer ??= setTimeout(() => {
      this.#frameTimer = undefined;
      this.#model = this.#parts.reader.withNewFailures(this.#model);
      this.#draw();
    }, FRAME_INTERVAL);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.#isEnded) this.#timer = setTimeout(() => void this.#read(), this.#parts.interval);
  }

  /** Never rejects: it shows why, and goes on. One reading at a time. */
  async #read(): Promise<void> {
    if (this.#isReading) {
      this.#readsAgain = true;
      return;
    }
    this.#isReading = true;
    const timer = setTimeout(() => {
      this.#fail(`Nothing came for ${ANSWER_TIMEOUT / 1_000} seconds.`);
    }, ANSWER_TIMEOUT);
    try {
      await this.#readPage();
    } catch (error) {
      this.#fail(sayError(error));
    }
    clearTimeout(timer);
    this.#isReading = false;
    this.#draw();
    if (this.#readsAgain) {
      this.#readsAgain = false;
      await this.#read();
    } else this.#schedule();
  }

  async #readPage(): Promise<void> {
    const { queue, reader, terminal, env } = this.#parts;
    const { page } = this.#view;
    if (page?.kind !== "job") {
      this.#model = await reader.read();
      return;
    }
    const lines = await readJobLines(queue, page.id, { terminal, env, columns: this.#screen.size.columns });
    const { problem: _, ...model } = this.#model;
    this.#model = model;
    const open = this.#view.page;
    if (open?.kind === "job" && open.id === page.id) this.#jobLines = lines;
  }

  #fail(text: string): void {
    const since = this.#model.problem?.since ?? new Date();
    this.#model = { ...this.#model, problem: { since, text } };
    this.#draw();
  }

  #onKey(key: Key): void {
    if (this.#isEnded) return;
    const before = this.#view;
    const { view, effect } = pressKey(key, before, this.#model);
    if (view.page?.kind !== before.page?.kind) this.#jobLines = undefined;
    const { page } = view;
    this.#view = page
      ? { ...view, page: { ...page, scroll: scrollOf(this.#model, view, this.#options()) } }
      : view;
    this.#draw();
    if (effect) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    if (effect.kind === "quit") this.end();
    else if (effect.kind === "suspend") this.#screen.suspend();
    else if (effect.kind === "redraw") this.#screen.redraw();
    else if (effect.kind === "change") void this.#change(effect.change);
    else void this.#read();
  }

  async #change(change: Change): Promise<void> {
    const { queue, reader } = this.#parts;
    this.#notify("Working…", false);
    try {
      if (change.kind === "retry") {
        await queue.retry(change.id);
        reader.forget(change.id);
      } else await queue[change.kind](change.queue);
      this.#notify(describeDone(change), false);
    } catch (error) {
      this.#notify(sayError(error), true);
    }
    await this.#read();
  }

  #notify(text: string, isError: boolean): void {
    this.#view = { ...this.#view, notice: { text, isError } };
    this.#draw();
  }

  #onRedraw(): void {
    this.#draw();
    // Its lines are as wide as the screen was.
    if (this.#view.page?.kind === "job") void this.#read();
  }

  #options(): ScreenOptions {
    const { terminal, interval } = this.#parts;
    const jobLines = this.#jobLines;
    return { ...this.#screen.size, interval, colors: terminal.colors, ...(jobLines && { jobLines }) };
  }

  #draw(): void {
    if (!this.#isEnded) this.#screen.draw(screenLines(this.#model, this.#view, this.#options()));
  }
}
