/**
 * fast-check parameters that repeat a failed run: set `QUEUE_PROPERTY_SEED` and `QUEUE_PROPERTY_PATH` to the values it
 * printed.
 */
export function replayParameters(): { readonly seed?: number; readonly path?: string } {
  const { QUEUE_PROPERTY_SEED: seed, QUEUE_PROPERTY_PATH: path } = process.env;
  return { ...(seed && { seed: Number(seed) }), ...(path && { path }) };
}
