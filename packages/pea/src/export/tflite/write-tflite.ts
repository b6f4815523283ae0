/**
 * Writes a quantized graph as a TensorFlow Lite file.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  at,
  fixBatch,
  inferShapes,
  type Obstacle,
  type Quantization,
  type QuantizedGraph,
  type QuantizedNode,
  QuantizedSite,
} from "@pea/graph";
import { channelsLast } from "../axis-order.ts";
import { oneImageAlone } from "../one-image-alone.ts";
import type { EndType } from "../target.ts";
import { encodeTflite } from "./encode.ts";
import { lowers } from "./lower/index.ts";
import { Lowering } from "./lower/lowering.ts";
import type { TfliteModel, TfliteOperator, TfliteTensor } from "./model.ts";

/** How a file is written. */
export interface TfliteForm {
  /** `int8` by default, which stands for int16 in a network that computes in 16 bits. */
  readonly inputType?: EndType;
  readonly outputType?: EndType;
  readonly description?: string;
  /** Texts to keep in the file, by name. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A file for one sample at a time, with images as [1, H, W, C]. Its operators are those that LiteRT's reference kernels and
 * LiteRT for Microcontrollers compute alike, bit for bit as `interpret`.
 *
 * @throws PeaError naming operator and module where a node has no form there
 */
export function writeTflite(graph: QuantizedGraph, form: TfliteForm = {}): Uint8Array {
  return encodeTflite(lowerToTflite(graph, form));
}

/** What `writeTflite` writes, as plain data. */
export function lowerToTflite(graph: QuantizedGraph, form: TfliteForm = {}): TfliteModel {
  return lowered(graph, form, (_, error) => {
    throw error;
  });
}

/** What a runtime has against an operator of a file; undefined where it has nothing. */
export type WhyNotTaken = (operator: TfliteOperator, tensors: readonly TfliteTensor[]) => string | undefined;

/**
 * The nodes that have no form in such a file, or none that a runtime takes, each with a sentence that names operator and module.
 *
 * @throws PeaError where it is not of one node that the network has none
 */
export function tfliteObstacles(graph: QuantizedGraph, whyNotTaken?: WhyNotTaken): Obstacle[] {
  const obstacles: Obstacle[] = [];
  lowered(graph, {}, (node, { message: reason }) => obstacles.push({ node, reason }), whyNotTaken);
  return obstacles;
}

/** @param refuse told of each node that has no form, and why; where it does not throw, the others are looked at as well */
function lowered(
  graph: QuantizedGraph,
  { inputType = "int8", outputType = "int8", description = "", metadata = {} }: TfliteForm,
  refuse: (node: QuantizedNode, error: PeaError) => void,
  whyNotTaken: WhyNotTaken = () => undefined,
): TfliteModel {
  const single: QuantizedGraph = { ...graph, ...fixBatch(graph, 1) };
  const shapes = inferShapes(single) as ReadonlyMap<string, readonly number[]>;
  requireOneSample(single);
  requireTypes(single);
  const lowering = new Lowering(single, shapes);
  const inputs = single.inputs.map(({ name }) => addInput(lowering, name, inputType));
  for (const node of single.nodes)
    try {
      const before = lowering.operators.length;
      lowerNode(node, single, shapes, lowering);
      for (const operator of lowering.operators.slice(before)) {
        const reason = whyNotTaken(operator, lowering.tensors);
        if (reason !== undefined) throw new PeaError(`${node.operator}${at(node.path)}: ${reason}`);
      }
    } catch (error) {
      if (!(error instanceof PeaError)) throw error;
      refuse(node, error);
      // What reads its results may have a form of its own.
      for (const name of node.outputs) lowering.write(name);
    }
  const outputs = single.outputs.map((name) => addOutput(lowering, name, outputType));
  const { tensors, operators } = lowering;
  return { tensors, operators, inputs, outputs, description, metadata };
}

function lowerNode(
  node: QuantizedNode,
  graph: QuantizedGraph,
  shapes: ReadonlyMap<string, readonly number[]>,
  lowering: Lowering,
): void {
  const lower = lowers[node.operator];
  if (lower === undefined)
    throw new PeaError(`${node.operator}${at(node.path)} has no form in TensorFlow Lite here`);
  lower(new QuantizedSite(node, graph, shapes), lowering);
}

function requireOneSample({ inputs }: QuantizedGraph): void {
  const other = inputs.find(({ shape: [batch = 1] }) => batch !== 1);
  if (other !== undefined) throw oneImageAlone("a TensorFlow Lite file", Number(other.shape[0]));
}

function requireTypes({ inputs, nodes, quantizations }: QuantizedGraph): void {
  const names = [...inputs.map(({ name }) => name), ...nodes.flatMap(({ outputs }) => outputs)];
  const types = new Set(names.map((name) => quantizations.get(name)?.type));
  const [type] = types;
  if (types.size !== 1 || (type !== "int8" && type !== "int16"))
    throw new PeaError(
      `a TensorFlow Lite file computes in int8 or int16 throughout, not in ${[...types].join(" and ")}`,
    );
}

/** The tensor that comes from outside; of another type than the network's it is turned into it first. */
function addInput(lowering: Lowering, name: string, type: EndType): number {
  const own = lowering.quantization(name);
  const inside = lowering.write(name);
  if (type === "int8") return inside;
  const outside = addEnd(lowering, `${name}/${type}`, inside, own, type);
  lowering.emit("QUANTIZE", [outside], [inside]);
  return outside;
}

function addOutput(lowering: Lowering, name: string, type: EndType): number {
  const inside = lowering.read(name, channelsLast(lowering.sizes(name).length));
  if (type === "int8") return inside;
  const outside = addEnd(lowering, `${name}/${type}`, inside, lowering.quantization(name), type);
  lowering.emit(type === "float32" ? "DEQUANTIZE" : "QUANTIZE", [inside], [outside]);
  return outside;
}

function addEnd(
  lowering: Lowering,
  name: string,
  inside: number,
  own: Quantization,
  type: "uint8" | "float32",
): number {
  const shape = lowering.tensors[inside]?.shape ?? [];
  if (type === "float32") return lowering.add({ name, shape, type });
  if (own.type !== "int8")
    throw new PeaError(`inputs and outputs of uint8 are for networks of int8, not ${own.type}`, {
      kind: "usage",
    });
  const zeroPoints = own.zeroPoints.map((zeroPoint) => zeroPoint + 128);
  return lowering.add({ name, shape, type, quantization: { ...own, type, zeroPoints } });
}
