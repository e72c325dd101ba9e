import { readFileSync } from "node:fs";
import { createQueue, createRegistry, defineMessage, type Queue } from "@org/queue";
import { expect, test } from "vitest";
import * as z from "zod";
import { WorkerMetrics } from "../src/endpoints/worker-metrics.ts";
import { parsePrometheus } from "./prometheus-text.ts";

const DOCS = readFileSync(new URL("../../../docs/observability.md", import.meta.url), "utf8");
const DASHBOARD = JSON.parse(readFileSync(new URL("../grafana/queue.json", import.meta.url), "utf8"));

interface Target {
  readonly expr: string;
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
}

/** The labels of each name that an expression may have, `_bucket` and the like included. */
async function known() {
  const outbox = {
    add: async () => {},
    start: async () => ({ stop: async () => {} }),
    backlog: async () => ({ jobs: 0 }),
  };
  const registry = createRegistry([defineMessage("MAIL", { data: z.object({}) })]);
  const queue = createQueue({ registry, outbox });
  const families = parsePrometheus((await new WorkerMetrics(queue as unknown as Queue).text()).text);
  await queue.close();
  const labels = new Map<string, ReadonlySet<string>>();
  for (const { samples } of families.values()) {
    for (const sample of samples) labels.set(sample.name, new Set(Object.keys(sample.labels)));
  }
  return { families, labels };
}

/** The metrics of an expression, and every label that it names. */
function namesOf(expr: string) {
  const labels = [...expr.matchAll(/\{([^}]*)\}|\b(?:by|without) \(([^)]*)\)/g)].flatMap(([, matchers, by]) =>
    [...(matchers ?? "").matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)]
      .map(([, name]) => name!)
      .concat(by?.split(/,\s*/) ?? []),
  );
  const bare = expr
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"/g, "")
    .replaceAll(/\b(by|without) \([^)]*\)/g, "");
  const metrics = [...bare.matchAll(/\b([a-z][a-z0-9_]*)\b(?!\s*\()/g)].map(([, name]) => name!);
  return {
    metrics: metrics.filter((name) => !["and", "or", "unless", "job", "instance", "queue"].includes(name)),
    labels,
  };
}

/** What Prometheus adds to each series. */
const ADDED = ["job", "instance"];

async function expectKnown(expressions: readonly string[]) {
  const { labels } = await known();
  for (const expr of expressions) {
    const names = namesOf(expr);
    expect(names.metrics, expr).not.toEqual([]);
    for (const metric of names.metrics) expect(labels.has(metric), `${metric} of ${expr}`).toBe(true);
    const allowed = new Set([...ADDED, ...names.metrics.flatMap((metric) => [...labels.get(metric)!])]);
    for (const label of names.labels) expect(allowed.has(label), `${label} of ${expr}`).toBe(true);
  }
}

const panels: readonly Panel[] = DASHBOARD.panels;

test("each expression of the dashboard has only metrics and labels that exist", async () => {
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const variables: readonly { readonly type: string; readonly definition?: string }[] =
    DASHBOARD.templating.list;
  expect(expressions.length).toBeGreaterThan(20);
  await expectKnown([
    ...expressions,
    ...variables.flatMap(({ definition }) => (definition ? [definition.replace(/, \w+\)$/, ")")] : [])),
  ]);
});

test("the dashboard shows every metric of the queue, in panels that don't overlap", async () => {
  const { families } = await known();
  const text = JSON.stringify(panels);
  for (const name of families.keys()) if (name.startsWith("queue_")) expect(text).toContain(name);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
});

test("the table of metrics is what a scrape has", async () => {
  const { families } = await known();
  const rows = [...DOCS.matchAll(/^\| `(queue_\w+)` \| (\w+) \|([^|]*)\|/gm)].map(
    ([, name, type, labels]) => ({
      name,
      type,
      labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!).sort(),
    }),
  );
  const scraped = [...families.values()].filter(({ name }) => name.startsWith("queue_"));
  expect(rows.toSorted((a, b) => (a.name! < b.name! ? -1 : 1))).toEqual(
    scraped
      .map(({ name, type, samples }) => ({
        name,
        type,
        labels: Object.keys(samples[0]!.labels)
          .filter((label) => label !== "le")
          .sort(),
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
});

test("each alert of the documentation has only metrics and labels that exist", async () => {
  const [yaml] = /(?<=```yaml\n)[\s\S]*?(?=```)/.exec(DOCS)!;
  const expressions = [...yaml.matchAll(/expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)/g)].map(([, folded, line]) =>
    (folded ?? line!).replaceAll(/\s+/g, " ").trim(),
  );
  expect(expressions.length).toBe(yaml.match(/- alert:/g)!.length);
  await expectKnown(expressions);
});
