import { PeaError } from "@pea/core";
import { type Graph, sizeFor } from "../graph.ts";
import { inferShapes } from "../infer-shapes.ts";

/**
 * For batches of one size alone.
 *
 * @param batch at least 1
 * @throws PeaError of kind usage for another number; where a node does not fit the size
 */
export function fixBatch(graph: Graph, batch: number): Graph {
  if (!Number.isInteger(batch) || batch < 1)
    throw new PeaError(`a batch has 1 image or more, not ${batch}`, { kind: "usage" });
  const inputs = graph.inputs.map(({ name, shape }) => ({
    name,
    shape: shape.map((size) => sizeFor(size, batch)),
  }));
  const fixed = { ...graph, inputs };
  inferShapes(fixed);
  return fixed;
}
