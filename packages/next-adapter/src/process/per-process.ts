const KEY = Symbol.for("@org/queue-next.perProcess");

function instances(): Map<string, unknown> {
  const shared = globalThis as { [KEY]?: Map<string, unknown> };
  shared[KEY] ??= new Map();
  return shared[KEY];
}

/**
 * One instance for the whole process. A bundler loads a module once for each entry (pages, routes, instrumentation), and
 * again after each edit: what is expensive or must be one, such as an engine or a pool of connections, is created on the
 * first call with its name, and the same for all later ones.
 *
 * @example
 * const engine = perProcess("engine", () => engineFromEnv());
 * export const queue = createQueue({ registry, engine, closeEngine: false });
 */
export function perProcess<Instance>(name: string, create: () => Instance): Instance {
  const known = instances();
  if (!known.has(name)) known.set(name, create());
  return known.get(name) as Instance;
}
