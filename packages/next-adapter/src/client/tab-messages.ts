import type { Interest } from "../protocol/interests.ts";
import type { Connection } from "./live-connection.ts";
import type { KeyedChange } from "./live-store.ts";

/** What a tab follows, for the tab that has the stream. */
export interface Wanted {
  readonly key: string;
  readonly interest: Interest;
  readonly version: string | null;
}

/** What the tabs of one browser tell each other. */
export type TabMessage =
  /** Of a follower: all that it follows. */
  | {
      readonly type: "wants";
      readonly tab: string;
      readonly isVisible: boolean;
      readonly wanted: readonly Wanted[];
    }
  | { readonly type: "leaves"; readonly tab: string }
  /** Of the leader: that it is there, and how the newest state comes. */
  | { readonly type: "leads"; readonly tab: string; readonly connection: Connection }
  | { readonly type: "changes"; readonly changes: readonly KeyedChange[] };
