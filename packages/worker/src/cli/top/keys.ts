/** The name of a key, or the character that it types. */
export type Key = string;

const ESCAPE = "\u001b";
const PASTE_START = `${ESCAPE}[200~`;
const PASTE_END = `${ESCAPE}[201~`;

const SEQUENCES: Readonly<Record<string, Key>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  "[H": "home",
  "[F": "end",
  "[Z": "backtab",
  "[1~": "home",
  "[4~": "end",
  "[7~": "home",
  "[8~": "end",
  "[5~": "pageup",
  "[6~": "pagedown",
};
const CONTROLS: Readonly<Record<string, Key>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\u0003": "ctrl-c",
  "\u000c": "ctrl-l",
  "\u001a": "ctrl-z",
};
/** A whole escape sequence, after the escape. */
const SEQUENCE = /^(?:\[[0-?]*[ -/]*[@-~]|O[@-~])/;
const UNFINISHED = /^(?:\[[0-?]*[ -/]*|O)?$/;

/** Turns what a terminal sends into keys. Sequences may arrive in pieces; what is pasted is no key. */
export class KeyDecoder {
  #rest = "";

  /** The keys that are complete. */
  decode(text: string): readonly Key[] {
    this.#rest += text;
    const keys: Key[] = [];
    while (this.#rest !== "") {
      if (this.#rest.startsWith(PASTE_START)) {
        const end = this.#rest.indexOf(PASTE_END);
        if (end < 0) {
          // Keeps no more of a long paste than its end may need.
          this.#rest = PASTE_START + this.#rest.slice(PASTE_START.length).slice(-PASTE_END.length);
          break;
        }
        this.#rest = this.#rest.slice(end + PASTE_END.length);
      } else if (this.#rest.startsWith(ESCAPE)) {
        const after = this.#rest.slice(1);
        if (UNFINISHED.test(after)) break;
        const [sequence = ""] = SEQUENCE.exec(after) ?? [];
        this.#rest = after.slice(sequence.length);
        const key = sequence === "" ? "escape" : SEQUENCES[sequence.replace(/^O/, "[")];
        if (key !== undefined) keys.push(key);
      } else {
        const [character = ""] = this.#rest;
        this.#rest = this.#rest.slice(character.length);
        const key = CONTROLS[character] ?? (/\p{Cc}/u.test(character) ? undefined : character);
        if (key !== undefined) keys.push(key);
      }
    }
    return keys;
  }

  /** Whether what came last may be the Escape key, or the beginning of a sequence. */
  get isPending(): boolean {
    return this.#rest.startsWith(ESCAPE) && !this.#rest.startsWith(PASTE_START);
  }

  /** Nothing came for a while: it was the Escape key. */
  flush(): readonly Key[] {
    if (!this.isPending) return [];
    this.#rest = "";
    return ["escape"];
  }
}
