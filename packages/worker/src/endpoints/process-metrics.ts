import { collectDefaultMetrics, Histogram, type Registry as PromRegistry } from "prom-client";

/** How often the lag of the event loop is measured, in milliseconds. */
const LAG_INTERVAL = 100;

/** CPU, memory, garbage collection and handles of this process, and the lag of its event loop. */
export function collectProcessMetrics(prom: PromRegistry): void {
  collectDefaultMetrics({ register: prom });
  // Each scrape resets these, so two scrapers disturb each other: the second gets 292 years and NaN.
  for (const { name } of prom.getMetricsAsArray()) {
    if (name.startsWith("nodejs_eventloop_lag_")) prom.removeSingleMetric(name);
  }
  const lag = new Histogram({
    name: "queue_event_loop_lag_seconds",
    help: "How much later than planned timers of this process fire.",
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [prom],
  });
  let planned = performance.now() + LAG_INTERVAL;
  setInterval(() => {
    const now = performance.now();
    lag.observe(Math.max(0, now - planned) / 1_000);
    planned = now + LAG_INTERVAL;
  }, LAG_INTERVAL).unref();
}
