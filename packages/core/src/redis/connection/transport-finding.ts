import type { Finding } from "../../engine/finding.ts";
import type { ClientSource } from "./client-source.ts";

const ADDRESS = /^[\d.]+$|:/;
const PRIVATE =
  /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|::1$|f[cd][0-9a-f]{2}:|fe80:)/i;
const LOCAL_NAME = /^localhost$|\.(?:local|internal|localdomain|svc|cluster\.local)$/i;

/** Whether what travels to the server is encrypted, where others could read it. */
export function transportFinding({ address, host, tls }: ClientSource): Finding {
  const check = "connection";
  const text = `Redis at ${address} answers`;
  if (tls === true) return { check, status: "ok", text: `${text}, over TLS.` };
  if (host === undefined || isPrivate(host)) return { check, status: "ok", text: `${text}.` };
  return {
    check,
    status: "warning",
    text: `${text}, without TLS: the password and the data of jobs travel in clear text.`,
    remedy: "Use TLS (`rediss://`), unless the whole way to it is a private network.",
  };
}

/** On this machine, in a private network, or by a name without a dot, as in one of containers. */
function isPrivate(host: string): boolean {
  return ADDRESS.test(host) ? PRIVATE.test(host) : LOCAL_NAME.test(host) || !host.includes(".");
}
