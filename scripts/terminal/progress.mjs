import { CommandFailure } from "./processes.mjs";

/** How often a log, which no spinner can animate, is told that a step is still going on. */
const SIGN_OF_LIFE_MS = 5_000;
const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const TITLE_WIDTH = 48;

/** @type {NodeJS.WriteStream} */
let stream = process.stdout;

/** A step didn't succeed, and what it printed has been shown. */
class StepFailure extends Error {}

/** The steps going on, by title, with their start. @type {Map<string, number>} */
const running = new Map();
/** @type {NodeJS.Timeout | undefined} */
let timer;
let frame = 0;

/**
 * Sends progress to stderr, for a command whose own output others may read.
 *
 * @param {() => Promise<void>} work
 */
export async function besideOutput(work) {
  stream = process.stderr;
  await work();
  stream = process.stdout;
}

/**
 * Does a step: one line when it has ended, with its time, and signs of life until then. Steps may overlap.
 * What a failed step printed follows its line, and `StepFailure` is thrown.
 *
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const start = performance.now();
  running.set(title, start);
  timer ??= setInterval(showLife, stream.isTTY ? 100 : SIGN_OF_LIFE_MS);
  try {
    const result = await work();
    end(title, colour(32, "✓"), start);
    return result;
  } catch (error) {
    end(title, colour(31, "✗"), start);
    showError(error);
    throw new StepFailure(`${title} failed`, { cause: error });
  }
}

/** @param {number} milliseconds */
export function seconds(milliseconds) {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}

/**
 * @param {number} code of ANSI
 * @param {string} text
 */
export function colour(code, text) {
  return stream.isTTY && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text;
}

/**
 * @param {string} title
 * @param {string} mark
 * @param {number} start
 */
function end(title, mark, start) {
  running.delete(title);
  if (running.size === 0) {
    clearInterval(timer);
    timer = undefined;
  }
  clearLine();
  print(`${mark} ${title.padEnd(TITLE_WIDTH)} ${seconds(performance.now() - start).padStart(8)}`);
}

function showLife() {
  const oldest = Math.min(...running.values());
  const elapsed = `${Math.round((performance.now() - oldest) / 1_000)} s`;
  const titles = [...running.keys()].join(", ");
  if (!stream.isTTY) return print(`  still ${titles} (${elapsed})`);
  const line = `${FRAMES[frame++ % FRAMES.length]} ${titles} (${elapsed})`;
  clearLine();
  stream.write(line.slice(0, (stream.columns || 80) - 1));
}

function clearLine() {
  if (stream.isTTY) stream.write("\r\x1b[K");
}

/**
 * Shows an error unless its step has.
 *
 * @param {unknown} error
 */
export function showError(error) {
  if (error instanceof StepFailure) return;
  if (error instanceof CommandFailure) print(`${error.message}:\n${error.output.trimEnd()}\n`);
  else print(error instanceof Error ? `${error.message}\n` : String(error));
}

/** @param {string} text */
function print(text) {
  stream.write(`${text}\n`);
}
