import { floatsOf, type Graph, type GraphNode, producersOf, readersOf } from "../../graph.ts";
import { inferShapes } from "../../infer-shapes.ts";
import { outputAxis } from "../../weights.ts";

/** A batch normalization of some channels: all of it, or behind a concatenation, that of one of the values that are joined. */
export interface NormPart {
  readonly norm: GraphNode;
  /** Where the values were joined. */
  readonly concat?: GraphNode;
  /** What it normalizes. */
  readonly input: string;
  /** Its first channel of the normalization's, and how many it has. */
  readonly from: number;
  readonly count: number;
  /** The layer that takes it into its weights: it computes `input` for it alone. */
  readonly layer?: GraphNode;
}

/**
 * The batch normalizations of a network as they become parts of weights: of concatenated channels one for each part, where nothing
 * else reads the whole and a layer computes one of the parts for it alone.
 */
export function normParts(graph: Graph): NormPart[] {
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  const shapes = inferShapes(graph);
  return graph.nodes.flatMap((norm) => {
    if (norm.operator !== "BatchNormalization") return [];
    const [input = ""] = norm.inputs;
    const concat = producers.get(input);
    const isJoined = concat?.operator === "Concat" && isReadOnce(input) && isOfChannels(concat);
    const isSplit = isJoined && concat.inputs.some((name) => layerOf(name) !== undefined);
    if (!isSplit) return [partOf(norm, input, 0)];
    let from = 0;
    return concat.inputs.map((name) => {
      const part = { ...partOf(norm, name, from), concat };
      from += part.count;
      return part;
    });
  });

  function partOf(norm: GraphNode, input: string, from: number): NormPart {
    const layer = layerOf(input);
    return { norm, input, from, count: Number(shapes.get(input)?.[1]), ...(layer && { layer }) };
  }

  function layerOf(name: string): GraphNode | undefined {
    const node = isReadOnce(name) ? producers.get(name) : undefined;
    return node !== undefined && outputAxis(node) !== undefined ? node : undefined;
  }

  function isReadOnce(name: string): boolean {
    return readers.get(name)?.length === 1 && !graph.outputs.includes(name);
  }

  function isOfChannels({ attributes, inputs }: GraphNode): boolean {
    const axis = Number(attributes.axis);
    return axis === 1 || axis + (shapes.get(inputs[0] ?? "")?.length ?? 0) === 1;
  }
}

/** Batch normalization of concatenated channels as one of each part (`normParts`): that of a layer folds into its weights. */
export function splitNorms(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const replaced = new Map<GraphNode, readonly GraphNode[]>();
  const parts = normParts(graph);
  for (const { norm, concat } of parts) {
    if (concat === undefined || replaced.has(norm)) continue;
    replaced.set(concat, []);
    replaced.set(
      norm,
      split(
        concat,
        parts.filter((part) => part.norm === norm),
      ),
    );
  }
  return { ...graph, nodes: graph.nodes.flatMap((node) => replaced.get(node) ?? [node]), constants };

  function split(concat: GraphNode, parts: readonly NormPart[]): GraphNode[] {
    const norms = parts.map(({ norm, input, from, count }, place): GraphNode => {
      const output = `${norm.outputs[0]}/part${place}`;
      const names = norm.inputs.slice(1).map((name, i) => {
        const own = `${output}/${i}`;
        constants.set(own, { shape: [count], data: floatsOf(graph, name).slice(from, from + count) });
        return own;
      });
      return { ...norm, inputs: [input, ...names], outputs: [output] };
    });
    const inputs = norms.map(({ outputs }) => outputs[0] as string);
    return [...norms, { ...concat, inputs, outputs: parts[0]?.norm.outputs ?? [] }];
  }
}
