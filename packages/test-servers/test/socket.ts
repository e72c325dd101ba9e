import { connect } from "node:net";

/** Resolves when the server behind the URL drops an idle connection, as it does when it ends. */
export function closed(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.on("close", () => resolve());
    // A reset is an ending like any other; `close` follows.
    socket.on("error", () => {});
    socket.resume();
  });
}
