import { connect } from "node:net";

/** Resolves when the server at the URL closes an idle connection, as it does when it exits. */
export function closed(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.on("close", () => resolve());
    // `close` follows a reset like any other end.
    socket.on("error", () => {});
    socket.resume();
  });
}
