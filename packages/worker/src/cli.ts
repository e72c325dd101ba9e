#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { main, reportError } from "./cli/main.ts";
import { openContext } from "./cli/open-context.ts";
import { Terminal } from "./cli/terminal.ts";
import { whatIsOpening } from "./config/opening.ts";
import { CommandError, EXIT_CODES } from "./exit-codes.ts";

/** 128 plus SIGPIPE, as of a program that the signal ends. */
const BROKEN_PIPE = 141;

const { env, stdout, stderr } = process;
const line = process.argv.slice(2);
const terminal = new Terminal(process);

stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
  // A worker process stops by itself: its jobs are given back.
  if (stdout.listenerCount("error") > 1) return;
  if (code !== "EPIPE") terminal.inform(`error: The output can't be written: ${message}`);
  process.exit(code === "EPIPE" ? BROKEN_PIPE : EXIT_CODES.FAILED);
});
// Nobody is left to tell.
stderr.on("error", () => {});
process.on("uncaughtException", (error) => {
  // A worker process listens itself.
  if (process.listenerCount("uncaughtException") === 1) process.exit(reportError(error, line, terminal));
});

let hasNothingLeft = false;
process.on("beforeExit", () => {
  hasNothingLeft = true;
});
// Code of the app has ended the process, or awaits what never comes: neither may look like success.
process.on("exit", (code) => {
  const what = whatIsOpening();
  if (what === undefined || code > 0) return;
  const how = hasNothingLeft ? "awaits what never comes" : "has ended the process (process.exit)";
  process.exitCode = reportError(new CommandError(`${what} ${how}.`, EXIT_CODES.CONFIG), line, terminal);
});

// Not awaited: Node would end a process that waits here for ever with an exit code and a warning of its own.
main(line, {
  terminal,
  readVersion: () => JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version,
  openContext: (options) => openContext({ terminal, env, cwd: process.cwd(), ...options }),
}).then((exitCode) => {
  // What the app leaves open doesn't keep a command from ending, once its output is written.
  stdout.write("", (error) => {
    if (!error) process.exit(exitCode);
  });
});
