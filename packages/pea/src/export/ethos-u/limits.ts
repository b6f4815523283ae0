/**
 * What an Ethos-U leaves to the processor of what our files may hold, as tests with Vela found it. All else is placed on it.
 *
 * @module
 */
import {
  at,
  inferShapes,
  type Obstacle,
  type QuantizedGraph,
  type QuantizedNode,
  type Shape,
} from "@pea/graph";
import { convSettings } from "./rewrite.ts";
import { longestStride } from "./unstride.ts";

/** The chips. */
export type EthosU = "ethos-u55" | "ethos-u65" | "ethos-u85";

/**
 * The nodes that are not placed, and why.
 *
 * @param graph as it is written, rewrites done
 */
export function notPlaced(graph: QuantizedGraph, chip: EthosU): Obstacle[] {
  const shapes = inferShapes(graph);
  return graph.nodes.flatMap((node) => {
    const reason = whyNotPlaced(node, shapes, chip);
    return reason === undefined ? [] : [{ node, reason: `${node.operator}${at(node.path)}: ${reason}` }];
  });
}

function whyNotPlaced(
  node: QuantizedNode,
  shapes: ReadonlyMap<string, Shape>,
  chip: EthosU,
): string | undefined {
  const strides = convSettings(node, shapes)?.strides ?? [];
  if (strides.some((stride) => stride > longestStride))
    return `its strides of ${strides.join("×")} are above ${longestStride}`;
  if (node.operator === "Resize") return whyNotResized(node, shapes, chip);
  return undefined;
}

/** Twice the size, on a U85 any power of two; corners that are aligned with those of the input on none. */
function whyNotResized(
  { inputs, outputs, attributes }: QuantizedNode,
  shapes: ReadonlyMap<string, Shape>,
  chip: EthosU,
): string | undefined {
  const [from, to] = [shapes.get(inputs[0] ?? ""), shapes.get(outputs[0] ?? "")];
  const factors = [2, 3].map((axis) => Number(to?.[axis]) / Number(from?.[axis]));
  const told = factors.map((factor) => Number(factor.toFixed(3))).join("×");
  if (attributes.coordinate_transformation_mode === "align_corners") return "its corners are aligned";
  const [rows, columns] = factors as [number, number];
  if (chip === "ethos-u85") {
    const isPower = (factor: number) => Number.isInteger(Math.log2(factor)) && factor >= 1;
    const isNearest = (attributes.mode ?? "nearest") === "nearest";
    return isNearest || (isPower(rows) && isPower(columns)) ? undefined : `it resizes by ${told}`;
  }
  return rows === columns && rows === 2 ? undefined : `it resizes by ${told}, not by 2`;
}
