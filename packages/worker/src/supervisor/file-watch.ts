import { relative, sep } from "node:path";
import { type FSWatcher, watch } from "chokidar";
import type { LevelLogger } from "../config/config.ts";
import type { Orders } from "../host/orders.ts";

/** Editors and version control write many files at once: the restart follows the last of them, in milliseconds. */
const QUIET_TIME = 100;
const IGNORED = ["node_modules", "dist", "build", "coverage"];
const SOURCES = /\.([cm]?[jt]sx?|json|sql)$|^\.env(\..+)?$/;

/** Orders a restart when a source file or an .env file below a directory changes. */
export class FileWatch {
  readonly #watcher: FSWatcher;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Resolves once changes are seen. */
  static async start(directory: string, orders: Orders, logger: LevelLogger): Promise<FileWatch> {
    const watcher = watch(directory, {
      ignoreInitial: true,
      ignored: (path, stats) => isIgnored(relative(directory, path), stats?.isFile() === true),
    });
    await new Promise<void>((resolve) => watcher.once("ready", resolve));
    logger.info({ directory }, `Watching ${directory}.`);
    return new FileWatch(watcher, directory, orders);
  }

  private constructor(watcher: FSWatcher, directory: string, orders: Orders) {
    this.#watcher = watcher;
    watcher.on("all", (_, path) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        orders.give({ type: "restart", reason: `${relative(directory, path)} changed` });
      }, QUIET_TIME);
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#watcher.close();
  }
}

function isIgnored(path: string, isFile: boolean): boolean {
  const names = path.split(sep);
  const name = names.at(-1) ?? "";
  if (names.some((each) => IGNORED.includes(each))) return true;
  if (isFile) return !SOURCES.test(name);
  return name.startsWith(".") && name.length > 1 && !name.startsWith(".env");
}
