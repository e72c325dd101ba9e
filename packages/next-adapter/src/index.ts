export { embeddedWorker } from "./process/embedded-worker.ts";
export { perProcess } from "./process/per-process.ts";
