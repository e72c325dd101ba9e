import type { AttemptInfo } from "@org/queue";

/** What a worker process is told to do: by a signal, a supervisor, a watchdog or an uncaught error. */
export type Order =
  | { readonly type: "stop"; readonly reason: string }
  /** Stop claiming, finish what runs, and wait to be stopped. */
  | { readonly type: "quiet"; readonly reason: string }
  /** Only of a supervisor: replace one process after another. */
  | { readonly type: "reload"; readonly reason: string }
  /** Say what runs. */
  | { readonly type: "report" }
  /** Stop, to be started again. */
  | { readonly type: "restart"; readonly reason: string }
  /** An error that nothing caught, and the attempt that it belongs to, if that is known. */
  | { readonly type: "crash"; readonly error: unknown; readonly job: AttemptInfo | undefined };

/** An order that ends the process. */
export type FinalOrder = Extract<Order, { readonly type: "stop" | "restart" | "crash" }>;

/** Orders in the order of their arrival. Who gives one only adds it: everything happens in the loop that takes them. */
export class Orders {
  readonly #waiting: Order[] = [];
  #wake: (() => void) | undefined;

  give(order: Order): void {
    this.#waiting.push(order);
    this.#wake?.();
  }

  async next(): Promise<Order> {
    while (this.#waiting.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#waiting.shift()!;
  }
}
