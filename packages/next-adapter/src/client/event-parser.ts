import type { StreamEvent } from "../protocol/interests.ts";

/** Reads the events of a stream as the routes write them: one line of `event`, one of `data`, an empty one. */
export function eventParser(onEvent: (event: StreamEvent) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      if (event && data) onEvent({ event, data: JSON.parse(data) } as StreamEvent);
    }
  };
}
