import { describe, expect, it } from "vitest";
import { pressKey } from "../../src/cli/top/key-actions.ts";
import { type Key, KeyDecoder } from "../../src/cli/top/keys.ts";
import { INITIAL_VIEW, selectedId, type TopView } from "../../src/cli/top/view.ts";
import { busyModel, emptyModel } from "./top-model.ts";

/** The view after some keys, and what the last of them asks for. */
function press(keys: readonly Key[], model = busyModel, first: TopView = INITIAL_VIEW) {
  let result: ReturnType<typeof pressKey> = { view: first };
  for (const key of keys) result = pressKey(key, result.view, model);
  return result;
}

describe("what a terminal sends", () => {
  it("is turned into keys, also in pieces", () => {
    const decoder = new KeyDecoder();
    expect(decoder.decode("jG\r\t\u0003\u001b[A\u001bOB\u001b[5~\u001b[Z名")).toEqual([
      ...["j", "G", "enter", "tab", "ctrl-c", "up", "down", "pageup", "backtab", "名"],
    ]);
    expect(decoder.decode("\u001b")).toEqual([]);
    expect(decoder.isPending).toBe(true);
    expect(decoder.decode("[")).toEqual([]);
    expect(decoder.decode("Bx")).toEqual(["down", "x"]);
    expect(decoder.decode("\u001b[1;5Q\u001b[<0;1;1M\u0000\u007f")).toEqual([]);
    expect(decoder.decode("\u001bq")).toEqual(["escape", "q"]);
  });

  it("is the Escape key if nothing follows", () => {
    const decoder = new KeyDecoder();
    expect([...decoder.decode("\u001b"), ...decoder.flush()]).toEqual(["escape"]);
    expect([decoder.isPending, decoder.flush()]).toEqual([false, []]);
  });

  it("is no key if it is pasted", () => {
    const decoder = new KeyDecoder();
    expect(decoder.decode("\u001b[200~py\r")).toEqual([]);
    expect([...decoder.decode(`${"ry".repeat(9)}\u001b[20`), ...decoder.flush()]).toEqual([]);
    expect(decoder.decode("1~q")).toEqual(["q"]);
  });
});

describe("the keys of queue top", () => {
  it("move between rows and panels, and stay within them", () => {
    expect(selectedId(busyModel, press(["down"]).view)).toBe("reports");
    expect(selectedId(busyModel, press(["G", "down"]).view)).toBe("workouts");
    expect(selectedId(busyModel, press(["end", "home", "up"]).view)).toBe("mail");
    expect(press(["tab", "l"]).view.focus).toBe("running");
    expect(press(["backtab"]).view.focus).toBe("failures");
    expect(press(["2"]).view.focus).toBe("workers");
    for (const key of ["down", "up", "G", "enter", "p", "r", "4", "enter", "r"]) press([key], emptyModel);
  });

  it("follow the chosen row while others come and go", () => {
    const { view } = press(["down", "down"]);
    const queues = busyModel.queues.toReversed();
    expect(selectedId({ ...busyModel, queues }, view)).toBe("workouts");
    expect(selectedId({ ...busyModel, queues: queues.slice(1) }, view)).toBe("mail");
    expect(selectedId({ ...busyModel, queues: [] }, view)).toBeUndefined();
  });

  it("change something only after a yes", () => {
    expect(press(["p"])).toEqual({
      view: expect.objectContaining({ question: { kind: "pause", queue: "mail" } }),
    });
    expect(press(["p", "y"]).effect).toEqual({ kind: "change", change: { kind: "pause", queue: "mail" } });
    expect(press(["j", "p", "y"]).effect).toEqual({
      kind: "change",
      change: { kind: "resume", queue: "reports" },
    });
    expect(press(["4", "r", "y"]).effect).toMatchObject({
      change: { kind: "retry", id: busyModel.failures[0]!.id },
    });
    for (const other of ["n", "enter", "escape", "q", "p", " "]) {
      const { view, effect } = press(["p", other]);
      expect([effect, view.question, view.notice?.text]).toEqual([
        undefined,
        undefined,
        "Nothing was changed.",
      ]);
    }
    expect(press(["p", "ctrl-c"]).effect).toEqual({ kind: "quit" });
  });

  it("say where they work, elsewhere", () => {
    expect(press(["r"]).view.notice?.text).toContain("choose one of the failures (4)");
    expect(press(["4", "p"]).view.notice?.text).toContain("choose one of the queues (1)");
    expect(press(["enter"]).view.notice?.text).toContain("running jobs (3) or failures (4)");
  });

  it("open a job, scroll and retry it, and go back before they quit", () => {
    const open = press(["4", "enter", "down", "pagedown", "up"]);
    expect(open.view.page).toEqual({ kind: "job", id: busyModel.failures[0]!.id, scroll: 10 });
    expect(press(["r", "y"], busyModel, open.view).effect).toMatchObject({ change: { kind: "retry" } });
    expect(press(["q"], busyModel, open.view)).toMatchObject({
      view: { focus: "failures" },
      effect: { kind: "read" },
    });
    expect(press(["q", "q"], busyModel, open.view).effect).toEqual({ kind: "quit" });
    expect(press(["?", "escape"]).view.page).toBeUndefined();
  });
});
