import { CommandFailure } from "./processes.mjs";

/** How often to print that a step is still running, if the output is a log without a spinner. */
const PROGRESS_INTERVAL_MS = 5_000;
const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
const TITLE_WIDTH = 48;

/** @type {NodeJS.WriteStream} */
let stream = process.stdout;

/** A failed step, whose output has been shown. */
class StepFailure extends Error {}

/** The running steps and their start times, by title. @type {Map<string, number>} */
const running = new Map();
/** @type {NodeJS.Timeout | undefined} */
let timer;
let frame = 0;

/**
 * Sends progress to stderr, for a command with machine-readable output.
 *
 * @param {() => Promise<void>} work
 */
export async function progressToStderr(work) {
  stream = process.stderr;
  await work();
  stream = process.stdout;
}

/**
 * Runs a step. Shows progress until it ends, then one line with its duration. Steps may overlap. If it fails, prints
 * its output after that line and throws `StepFailure`.
 *
 * @template T
 * @param {string} title
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const start = performance.now();
  running.set(title, start);
  timer ??= setInterval(showProgress, stream.isTTY ? 100 : PROGRESS_INTERVAL_MS);
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

function showProgress() {
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
 * Prints an error, unless its step has already.
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
