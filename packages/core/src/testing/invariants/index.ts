export type { HistoryEntry } from "./history.ts";
export { HistoryChecker, RULES, type Violation } from "./history-checker.ts";
export { mergeHistories } from "./merge-histories.ts";
