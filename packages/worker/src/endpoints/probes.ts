/** What the endpoints of a process answer. A supervisor answers for all of its processes. */
export interface Probes {
  /** Whether the process turns. It is asked in the event loop, so a blocked one doesn't answer. */
  live(): Probe;
  /** Whether claims succeed: the engine answers, and answered each worker's last claim not long ago. */
  ready(): Probe;
  /** In Prometheus's text format. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface Probe {
  readonly ok: boolean;
  /** For people: what isn't. */
  readonly reason?: string;
}
