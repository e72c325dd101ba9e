import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Worker } from "node:worker_threads";

export interface DelayProxy {
  readonly url: string;
  stop(): Promise<void>;
}

/** A TCP proxy that delays each byte by `delay` milliseconds in either direction. */
export async function startDelayProxy(target: string, delay: number): Promise<DelayProxy> {
  const { hostname: host, port } = new URL(target);
  const thread = new Worker(new URL("./delay-proxy-thread.ts", import.meta.url), {
    workerData: { host, port: Number(port), delay },
  });
  const [address] = (await once(thread, "message")) as [AddressInfo];
  return {
    url: `redis://127.0.0.1:${address.port}`,
    async stop() {
      await thread.terminate();
    },
  };
}
