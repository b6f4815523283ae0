import { floatsOf, type Graph, type GraphNode, producersOf, readersOf } from "../../graph.ts";
import { inferShapes } from "../../infer-shapes.ts";
import { outputAxis } from "../../weights.ts";

/**
 * Batch normalization of concatenated channels as one of each part, where nothing else reads the whole and a layer computes
 * one of the parts for it alone: that half folds into its weights.
 */
export function splitNorms(graph: Graph): Graph {
  const producers = producersOf(graph);
  const readers = readersOf(graph);
  const shapes = inferShapes(graph);
  const constants = new Map(graph.constants);
  const replaced = new Map<GraphNode, readonly GraphNode[]>();
  for (const norm of graph.nodes) {
    const concat = producers.get(norm.inputs[0] ?? "");
    if (norm.operator !== "BatchNormalization" || concat?.operator !== "Concat") continue;
    if (!isReadOnce(concat.outputs[0]) || !isOfChannels(concat)) continue;
    if (!concat.inputs.some((name) => isReadOnce(name) && isLayer(producers.get(name)))) continue;
    replaced.set(concat, []);
    replaced.set(norm, split(norm, concat));
  }
  return { ...graph, nodes: graph.nodes.flatMap((node) => replaced.get(node) ?? [node]), constants };

  function isReadOnce(name = ""): boolean {
    return readers.get(name)?.length === 1 && !graph.outputs.includes(name);
  }

  function isOfChannels({ attributes, inputs }: GraphNode): boolean {
    const axis = Number(attributes.axis);
    return axis === 1 || axis + (shapes.get(inputs[0] ?? "")?.length ?? 0) === 1;
  }

  function split(norm: GraphNode, concat: GraphNode): GraphNode[] {
    let from = 0;
    const parts = concat.inputs.map((input, place): GraphNode => {
      const to = from + Number(shapes.get(input)?.[1]);
      const output = `${norm.outputs[0]}/part${place}`;
      const names = norm.inputs.slice(1).map((name, i) => {
        const part = `${output}/${i}`;
        constants.set(part, { shape: [to - from], data: floatsOf(graph, name).slice(from, to) });
        return part;
      });
      from = to;
      return { ...norm, inputs: [input, ...names], outputs: [output] };
    });
    const inputs = parts.map(({ outputs }) => outputs[0] as string);
    return [...parts, { ...concat, inputs, outputs: norm.outputs }];
  }
}

const isLayer = (node: GraphNode | undefined): boolean =>
  node !== undefined && outputAxis(node) !== undefined;
