/**
 * A few inputs, and what a network must compute of them to the byte.
 *
 * @module
 */
import {
  elementsOf,
  type Integers,
  interpreterOf,
  numbersOf,
  type Quantization,
  type QuantizedGraph,
} from "@pea/graph";
import { channelsLast, turned } from "../axis-order.ts";
import type { EndType, IntegerAbout } from "../target.ts";
import { bytesOf } from "./bytes.ts";

/** Integers as the file has them: images with channels last. */
export interface GoldenVector {
  readonly input: Integers;
  readonly output: Integers;
}

/** Samples that are kept. */
const count = 3;

/** Of a network of one input and one output, the first samples, as the interpreter computes them. */
export function goldenVectors(
  graph: QuantizedGraph,
  { values, shape }: IntegerAbout["samples"],
): GoldenVector[] {
  const [{ name = "" } = {}] = graph.inputs;
  const [output = ""] = graph.outputs;
  const one = elementsOf(shape.slice(1));
  const interpreter = interpreterOf(graph);
  const inFile = (data: Integers, sizes: readonly number[]) =>
    turned(data, sizes, channelsLast(sizes.length)) as Integers;
  return Array.from({ length: Math.min(count, shape[0] ?? 0) }, (_, sample) => {
    const image = values.subarray(sample * one, (sample + 1) * one);
    const computed = interpreter.run(new Map([[name, image]]), [name, output]);
    const [input, result] = [computed.get(name), computed.get(output)];
    if (input === undefined || result === undefined) throw new Error(`${output} was not computed`);
    return { input: inFile(input.data, input.shape), output: inFile(result.data, result.shape) };
  });
}

/** What a file is given, and what it gives, whatever its ends are. */
export interface EndVector {
  readonly input: Integers | Float32Array;
  readonly output: Integers | Float32Array;
}

/** The same as a file has them at its ends. */
export function vectorsAtEnds(
  graph: QuantizedGraph,
  samples: IntegerAbout["samples"],
  { inputType = "int8", outputType = "int8" }: Pick<IntegerAbout, "inputType" | "outputType">,
): EndVector[] {
  const quantization = (name = "") => graph.quantizations.get(name) as Quantization;
  const [input, output] = [quantization(graph.inputs[0]?.name), quantization(graph.outputs[0])];
  return goldenVectors(graph, samples).map((vector) => ({
    input: atEnd(vector.input, inputType, input),
    output: atEnd(vector.output, outputType, output),
  }));
}

function atEnd(integers: Integers, type: EndType, quantization: Quantization): Integers | Float32Array {
  if (type === "float32") return numbersOf(integers, quantization);
  return type === "uint8" ? Uint8Array.from(integers as Int8Array, (integer) => integer + 128) : integers;
}

/** The same within its ends as files, `golden/0.input` and so on, by their names. */
export function goldenFiles(
  graph: QuantizedGraph,
  samples: IntegerAbout["samples"],
): Record<string, Uint8Array> {
  const files = goldenVectors(graph, samples).flatMap(({ input, output }, place) => [
    [`golden/${place}.input`, bytesOf(input)] as const,
    [`golden/${place}.output`, bytesOf(output)] as const,
  ]);
  return Object.fromEntries(files);
}
