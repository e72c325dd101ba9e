import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const OWN_DIRECTORY = fileURLToPath(new URL(".", import.meta.url));

const SYNTAX_ERROR = /^(?:ParseError: )?([\s\S]+?)\s+(\/.*|[A-Za-z]:\\.*):(\d+):(\d+)$/;
const MISSING_MODULE = /^Cannot find (?:module|package) '([^']*)'/;

/** Why a module of the app can't be loaded, in one sentence that begins with the place, as far as that is known. */
export function describeFailure(error: unknown, path: string): string {
  if (!(error instanceof Error)) return `${path}: it threw ${describeThrown(error)}, which isn't an error.`;
  const message = String(error.message);
  const syntax = SYNTAX_ERROR.exec(message);
  if (syntax) {
    const [, problem, file, line, column] = syntax;
    return `${file}:${line}:${column}: syntax error: ${problem!.replace(/\.*$/, ".")}`;
  }
  const place = placeOf(error, join(dirname(path), "/")) ?? path;
  if (error.name === "SyntaxError") return `${place}: syntax error: ${firstLine(message)}.`;
  const missing = MISSING_MODULE.exec(message)?.[1];
  if (missing !== undefined) return `${place}: ${describeMissing(missing)}`;
  const kind = error.name === "Error" || isBranded(error) ? "" : `${error.name}: `;
  // What a name that isn't exported becomes: (0, _module.name) is not a function.
  const readable = message.replace(/\(0 ?, ?_\w+\.([\w$]+)\)/g, "$1");
  return `${place}: ${kind}${readable || "an error without a message"}`;
}

function describeMissing(name: string): string {
  const isPackage = /^(?:@[\w.-]+\/)?[\w-][\w.-]*(?:\/.*)?$/.test(name) && !/^[A-Za-z]:/.test(name);
  return isPackage
    ? `${JSON.stringify(name)} isn't found. Install it, or add it to the \`paths\` of tsconfig.json.`
    : `${JSON.stringify(name)} isn't found. Check the path.`;
}

/**
 * The file and line of the app's code that threw, next to the config or below it if possible. Columns are those of the
 * transformed code, so they are left out.
 */
function placeOf(error: Error, directory: string): string | undefined {
  const lines = String(error.stack).split("\n");
  // Node's own syntax errors begin with it.
  const syntax = /^(.+):(\d+)$/.exec(lines[0]!);
  if (syntax) return `${toPath(syntax[1]!)}:${syntax[2]}`;
  const frames: string[] = [];
  for (const line of lines) {
    const frame = /^ +at .*? \((.+):(\d+):\d+\)$/.exec(line) ?? /^ +at (?:async )?(.+):(\d+):\d+$/.exec(line);
    if (!frame || /^node:|[\\/]node_modules[\\/]/.test(frame[1]!)) continue;
    const file = toPath(frame[1]!);
    // What follows is the command.
    if (file.startsWith(OWN_DIRECTORY)) break;
    frames.push(`${file}:${frame[2]}`);
  }
  return frames.find((frame) => frame.startsWith(directory)) ?? frames[0];
}

function toPath(file: string): string {
  return file.startsWith("file:") ? fileURLToPath(file) : file;
}

/** As `isQueueError` of any copy of `@org/queue`. */
function isBranded(error: Error): boolean {
  return Symbol.for("@org/queue/error") in error;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!.replace(/\.$/, "");
}

function describeThrown(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "a value that can't be read";
  }
}
