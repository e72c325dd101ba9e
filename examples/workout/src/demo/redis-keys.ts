import { Redis } from "ioredis";

/** Lets the keys of a namespace expire after `seconds`, and returns their number. */
export async function expireKeys(namespace: string, seconds: number): Promise<number> {
  const redis = connect(process.env);
  // The failing command reports it.
  redis.on("error", () => undefined);
  const seen = new Set<string>();
  try {
    for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 })) {
      for (const key of keys as string[]) seen.add(key);
    }
    await Promise.all([...seen].map((key) => redis.expire(key, seconds)));
  } finally {
    redis.disconnect();
  }
  return seen.size;
}

/** Connects to the server that `engineFromEnv` found and checked before. */
function connect(env: NodeJS.ProcessEnv): Redis {
  const options = { maxRetriesPerRequest: 1 };
  const { REDIS_URL: url, REDIS_HOST: host = "", REDIS_USERNAME: username, REDIS_PASSWORD: password } = env;
  if (url) return new Redis(url.replace(/^unix:(\/\/)?/, ""), options);
  const isTls = env.REDIS_TLS === "true" || env.REDIS_TLS === "1";
  return new Redis({
    ...options,
    host,
    port: Number(env.REDIS_PORT || 6379),
    db: Number(env.REDIS_DB || 0),
    ...(username && { username }),
    ...(password && { password }),
    ...(isTls && { tls: { servername: host } }),
  });
}
