import type { JsonSchema } from "@org/queue/json-schema";

/** A field's value while the fields are put together. */
type Node = string | readonly string[] | Map<string, Node>;

/** Deeper names are refused by the schema, as names that it doesn't know. */
const MAX_DEPTH = 8;

/**
 * The data that the fields of a form stand for. A name is a path: `client.name`, `sets.0.reps`. Texts become what the
 * JSON Schema asks for at their path: numbers, booleans (a checkbox is true when it is there), arrays of fields with one
 * name. An empty field that isn't required is left out. What doesn't fit stays a text, which the contract then refuses.
 */
export function readFormData(form: FormData, schema: JsonSchema): unknown {
  const root = new Map<string, Node>();
  for (const name of new Set(form.keys())) {
    // React's own fields.
    if (name.startsWith("$ACTION")) continue;
    const values = form.getAll(name).filter((value) => typeof value === "string");
    if (values.length > 0) place(root, name.split("."), values);
  }
  return new FormReader(schema).read(root, schema);
}

function place(root: Map<string, Node>, path: readonly string[], values: readonly string[]): void {
  const parents = path.length > MAX_DEPTH ? [] : path.slice(0, -1);
  const last = path.length > MAX_DEPTH ? path.join(".") : path.at(-1)!;
  let node = root;
  for (const segment of parents) {
    const child = node.get(segment);
    const next: Map<string, Node> = child instanceof Map ? child : new Map();
    node.set(segment, next);
    node = next;
  }
  node.set(last, values.length === 1 ? values[0]! : values);
}

class FormReader {
  readonly #root: JsonSchema;

  constructor(root: JsonSchema) {
    this.#root = root;
  }

  read(node: Node, given: JsonSchema | undefined): unknown {
    const schema = this.#resolve(given);
    if (node instanceof Map)
      return schema.type === "array" ? this.#items(node, schema) : this.#members(node, schema);
    if (schema.type === "array") return [node].flat().map((text) => this.read(text, toSchema(schema.items)));
    return typeof node === "string" ? toScalar(node, schema) : node;
  }

  #members(node: ReadonlyMap<string, Node>, schema: JsonSchema) {
    const { properties = {}, required = [], additionalProperties } = schema;
    const members: [string, unknown][] = [];
    for (const [name, child] of node) {
      if (child === "" && !required.includes(name)) continue;
      const own = Object.hasOwn(properties, name) ? properties[name] : toSchema(additionalProperties);
      members.push([name, this.read(child, own)]);
    }
    // A checkbox that isn't checked isn't sent at all.
    for (const name of required) {
      if (!node.has(name) && this.#resolve(properties[name]).type === "boolean") members.push([name, false]);
    }
    return Object.fromEntries(members);
  }

  #items(node: ReadonlyMap<string, Node>, { items }: JsonSchema): unknown[] {
    return [...node]
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([, child]) => this.read(child, toSchema(items)));
  }

  /** The schema that a reference leads to; of alternatives, the first that isn't `null`. */
  #resolve(given: JsonSchema | undefined): JsonSchema {
    let schema = given ?? {};
    for (let step = 0; step < 10; step++) {
      const { $ref, anyOf, oneOf } = schema;
      const alternatives = anyOf ?? oneOf;
      if (typeof $ref === "string") schema = this.#follow($ref);
      else if (Array.isArray(alternatives)) schema = toSchema(alternatives.find(isNoNull)) ?? {};
      else break;
    }
    return schema;
  }

  #follow(ref: string): JsonSchema {
    const steps = ref.replace(/^#\/?/, "").split("/").filter(Boolean);
    return steps.reduce<JsonSchema>((schema, step) => toSchema(Object(schema)[step]) ?? {}, this.#root);
  }
}

function toSchema(value: unknown): JsonSchema | undefined {
  return typeof value === "object" && value !== null ? (value as JsonSchema) : undefined;
}

function isNoNull(schema: unknown): boolean {
  return toSchema(schema)?.type !== "null";
}

function toScalar(text: string, { type }: JsonSchema): unknown {
  if (type === "boolean")
    return text === "on" || text === "true" || (text === "false" || text === "" ? false : text);
  if (type !== "number" && type !== "integer") return text;
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text : value;
}
