import { shorten } from "../../errors/shorten.ts";

const MAX_FRAME = 200;
/** Lines of a stack, with the stacks of its causes, that are looked at. */
const MAX_LINES = 100;
/** Folders that are kept of a file that is outside of the working directory. */
const MAX_FOLDERS = 2;

/** `at name (file:1:2)` or `at file:1:2` of V8, `name@file:1:2` of JavaScriptCore. */
const V8_LINE = /^\s*at (?:(?:async )?(.*?) ?\()?(?:async )?(.+?):\d+(?::\d+)?\)?$/;
const JSC_LINE = /^(.*?)@(.+?):\d+(?::\d+)?$/;
const NOT_THE_APPS = /^(?:node:|native|internal\/|<anonymous>|\[)|^eval |[\\/]node_modules[\\/]|^bun:/;
/** What bundlers put into names of files: `chunk-5FZQ2K3A.js`, `main.8f3c2d1a.js`, `4711.js`. */
const FILE_HASH = /(?<=[-._~])(?:[A-Z0-9]{8}|(?=[A-Za-z]*\d)[A-Za-z0-9]{6,})(?=\.)|^\d+(?=\.)/g;

/** The folder of this package's sources, where nothing has bundled or installed them. */
const OWN_FOLDER = ownFolder(import.meta.url);

/**
 * Where the app's code failed, as `name (file)`: the first line of a stack that isn't of the runtime, this library or
 * a dependency. The file is relative to the working directory, and line numbers are left out, so that it is the same
 * on each machine and after most deployments.
 */
export function appFrame(stack: string, message: string, workingDirectory: string): string | undefined {
  for (const line of linesOf(stack, message)) {
    const [, name, file] = V8_LINE.exec(line) ?? JSC_LINE.exec(line) ?? [];
    if (file === undefined || NOT_THE_APPS.test(file)) continue;
    const path = toPath(file);
    if (OWN_FOLDER !== undefined && path.startsWith(OWN_FOLDER)) continue;
    return describeFrame(functionName(name ?? ""), relativePath(path, toPath(workingDirectory)));
  }
  return undefined;
}

/** Without the message, whose own lines may look like those of a stack. */
function linesOf(stack: string, message: string): readonly string[] {
  const at = stack.indexOf(message);
  return (at < 0 ? stack : stack.slice(at + message.length)).split("\n", MAX_LINES);
}

/** `webpack-internal:///./src/a.ts?1` and `file:///app/src/a.ts` as paths. */
function toPath(file: string): string {
  const path = file
    .replace(/^[a-z][a-z-]*:\/\/\/?(?:\([a-z-]+\)\/)?/i, (scheme) => (scheme === "file:///" ? "/" : ""))
    .replace(/[?#].*$/, "")
    .replaceAll("\\", "/");
  // `file:///C:/app` begins with a letter, not with the root.
  return path.replace(/^\/(?=[A-Za-z]:\/)/, "");
}

function relativePath(path: string, workingDirectory: string): string {
  const folder = workingDirectory.replace(/\/?$/, "/");
  const parts =
    path.startsWith(folder) && folder !== "/" ? path.slice(folder.length).split("/") : lastOf(path);
  const name = parts.pop()!.replaceAll(FILE_HASH, "*");
  return [...parts, name].join("/");
}

function lastOf(path: string): string[] {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .slice(-MAX_FOLDERS - 1);
}

/** `Object.handler [as run]` as `handler`. */
function functionName(name: string): string {
  return name
    .replace(/ \[as .*\]$/, "")
    .replace(/^(?:async |new |Object\.|Module\.|global code)+/, "")
    .replace(/^<anonymous>$|\.<anonymous>$/, "");
}

function describeFrame(name: string, path: string): string {
  return shorten(name === "" ? path : `${name} (${path})`, MAX_FRAME);
}

function ownFolder(url: string | undefined): string | undefined {
  const own = "worker/grouping/app-frame.ts";
  return url?.endsWith(own) ? toPath(url.slice(0, -own.length)) : undefined;
}
