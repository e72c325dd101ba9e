/** Milliseconds on the clock that all processes of the machine share and that nothing moves. */
export function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
