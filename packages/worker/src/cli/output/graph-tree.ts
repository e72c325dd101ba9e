import type { GraphEdge, GraphNode, JobGraph } from "@org/queue";
import type { Terminal } from "../terminal.ts";
import { formatAgo } from "./figures.ts";
import { latestTime, paintState } from "./states.ts";
import { lineWidth } from "./table.ts";
import { cutMiddle, oneLine, widthOf } from "./text.ts";

const POLICY: Readonly<Record<GraphEdge["onFailure"], string>> = {
  cancel: "",
  run: "runs anyway",
  hold: "held on failure",
};

/** Prints a graph as a tree: what runs after a job is below it. A job with several dependencies is shown once. */
export function printGraph(terminal: Terminal, graph: JobGraph): void {
  new GraphTree(terminal, graph).print();
  if (graph.truncated) terminal.print(terminal.colors.dim("  … and more jobs, further away"));
}

class GraphTree {
  readonly #terminal: Terminal;
  readonly #graph: JobGraph;
  readonly #nodes: ReadonlyMap<string, GraphNode>;
  readonly #shown = new Set<string>();
  readonly #width: number;
  readonly #now = Date.now();

  constructor(terminal: Terminal, graph: JobGraph) {
    this.#terminal = terminal;
    this.#graph = graph;
    this.#nodes = new Map(graph.nodes.map((node) => [node.id, node]));
    this.#width = lineWidth(terminal);
  }

  print(): void {
    const dependents = new Set(this.#graph.edges.map(({ to }) => to));
    for (const node of this.#sorted(this.#graph.nodes.filter(({ id }) => !dependents.has(id)))) {
      this.#printNode(node, "  ", "  ", undefined);
    }
  }

  #printNode(node: GraphNode, head: string, indent: string, edge: GraphEdge | undefined): void {
    const isShown = this.#shown.has(node.id);
    this.#shown.add(node.id);
    this.#terminal.print(this.#line(node, head, edge, isShown));
    if (isShown) return;
    const edges = this.#graph.edges.filter(({ from }) => from === node.id);
    const children = this.#sorted(edges.map(({ to }) => this.#nodes.get(to)!));
    // A deep chain would leave no room for the jobs themselves.
    if (children.length > 0 && indent.length > this.#width / 2) {
      this.#terminal.print(
        this.#terminal.colors.dim(`${indent}└─ … ${children.length} more, and what is below`),
      );
      return;
    }
    for (const [index, child] of children.entries()) {
      const isLast = index === children.length - 1;
      const childEdge = edges.find(({ to }) => to === child.id);
      this.#printNode(
        child,
        `${indent}${isLast ? "└─ " : "├─ "}`,
        `${indent}${isLast ? "   " : "│  "}`,
        childEdge,
      );
    }
  }

  #line({ id, job, state }: GraphNode, head: string, edge: GraphEdge | undefined, isShown: boolean): string {
    const { colors } = this.#terminal;
    const isRoot = id === this.#graph.root;
    const stateText = state ?? "gone";
    const policy = edge ? POLICY[edge.onFailure] : "";
    const notes = [
      ...(job && !isShown ? [formatAgo(latestTime(job), this.#now)] : []),
      ...(edge?.pending ? ["waits"] : []),
      ...(policy === "" ? [] : [policy]),
      ...(isShown ? ["see above"] : []),
    ].join(", ");
    const name = oneLine(job?.messageType ?? "");
    const fixed = [head, stateText, notes].reduce((sum, text) => sum + widthOf(text), 8);
    const room = Math.max(30, this.#width - fixed - (isRoot ? 11 : 0));
    const shownName = cutMiddle(name, Math.max(8, room - widthOf(id) - 1));
    const shownId = cutMiddle(id, Math.max(13, room - widthOf(shownName) - 1));
    return [
      `${colors.dim(head)}${shownName === "" ? "" : `${isShown ? colors.dim(shownName) : colors.bold(shownName)} `}${shownId}`,
      paintState(colors, state, stateText),
      ...(notes === "" ? [] : [colors.dim(notes)]),
      ...(isRoot && !isShown ? [colors.yellow("← this job")] : []),
    ].join("  ");
  }

  /** In the order in which they were sent. */
  #sorted(nodes: readonly GraphNode[]): readonly GraphNode[] {
    const sentAt = ({ job }: GraphNode) => job?.createdAt.getTime() ?? 0;
    return [...nodes].sort((a, b) => sentAt(a) - sentAt(b) || (a.id < b.id ? -1 : 1));
  }
}
