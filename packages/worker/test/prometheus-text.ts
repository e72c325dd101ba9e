/** One line of Prometheus's text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric: its samples are named after it, those of a histogram with a suffix. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const HELP = new RegExp(`^# HELP (${NAME}) (.*)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);

/** Parses version 0.0.4 of Prometheus's text format. Throws for whatever that doesn't allow. */
export function parsePrometheus(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("The last line has no end.");
  const families = new Map<string, Family & { samples: Sample[] }>();
  const seen = new Set<string>();
  let help: readonly [string, string] | undefined;
  let current: (Family & { samples: Sample[] }) | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const helpLine = HELP.exec(line);
    const typeLine = TYPE.exec(line);
    if (helpLine) help = [helpLine[1]!, helpLine[2]!];
    else if (typeLine) {
      const [, name, type] = typeLine as unknown as [string, string, Family["type"]];
      if (help?.[0] !== name) throw new Error(`${name} has no help.`);
      if (families.has(name)) throw new Error(`${name} comes twice.`);
      current = { name, type, help: help[1], samples: [] };
      families.set(name, current);
    } else {
      const sample = parseSample(line);
      if (!current || !belongsTo(sample, current)) throw new Error(`${line} follows no type of its own.`);
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
      if (seen.has(key)) throw new Error(`${line} comes twice.`);
      seen.add(key);
      current.samples.push(sample);
    }
  }
  for (const family of families.values()) if (family.type === "histogram") checkHistogram(family);
  return families;
}

function parseSample(line: string): Sample {
  const match = SAMPLE.exec(line);
  if (!match) throw new Error(`This isn't a sample: ${line}`);
  const [, name, labels = "", text] = match as unknown as [string, string, string | undefined, string];
  const value = text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
  if (Number.isNaN(value) && text !== "NaN") throw new Error(`This isn't a number: ${line}`);
  return { name, labels: parseLabels(labels), value };
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const at = LABEL.lastIndex;
    const match = LABEL.exec(text);
    if (!match) throw new Error(`These aren't labels: ${text.slice(at)}`);
    if (match[1]! in labels) throw new Error(`The label ${match[1]} comes twice: ${text}`);
    labels[match[1]!] = match[2]!.replaceAll(/\\(["\\n])/g, (_, char) => (char === "n" ? "\n" : char));
  }
  return labels;
}

function belongsTo({ name, labels }: Sample, family: Family): boolean {
  if (family.type !== "histogram") return name === family.name && !("le" in labels);
  return ["_bucket", "_sum", "_count"].some((suffix) => name === family.name + suffix);
}

/** Buckets grow up to `+Inf`, which is the count. */
function checkHistogram({ name, samples }: Family): void {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const [labels, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le } }) =>
      le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le),
    );
    const counts = buckets.map(({ value }) => value);
    const isSorted = (list: readonly number[]) =>
      list.every((each, index) => index === 0 || each >= list[index - 1]!);
    const [count] = own.filter((sample) => sample.name === `${name}_count`);
    const [sum] = own.filter((sample) => sample.name === `${name}_sum`);
    if (!isSorted(bounds) || bounds.at(-1) !== Number.POSITIVE_INFINITY)
      throw new Error(`Buckets of ${name} ${labels}`);
    if (!isSorted(counts) || counts.at(-1) !== count?.value || !sum)
      throw new Error(`Counts of ${name} ${labels}`);
  }
}
