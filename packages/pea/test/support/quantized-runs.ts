/** Quantized graphs with drawn samples, and what the interpreter makes of them. */
import assert from "node:assert/strict";
import { elementsOf, interpret, type QuantizedGraph } from "@pea/graph";
import { channelsLast } from "./channels-last.ts";
import { drawIntegers, type QuantizedCases, singleOperators, wideOperators } from "./quantized-cases.ts";

/** A graph of one input `x`, and samples of it one after the other, as the graph has them. */
export interface QuantizedRun {
  readonly name: string;
  readonly graph: QuantizedGraph;
  readonly samples: number;
  readonly inputs: Int8Array | Int16Array;
}

/** Samples of integers of the whole range. */
export function runOf(name: string, graph: QuantizedGraph, samples: number, seed: number): QuantizedRun {
  const [{ shape = [], name: input = "" } = {}] = graph.inputs;
  const type = graph.quantizations.get(input)?.type === "int16" ? "int16" : "int8";
  return { name, graph, samples, inputs: drawIntegers(type, samples * elementsOf(shape), seed) };
}

const runsOf = (cases: QuantizedCases, type: string) =>
  Object.entries(cases).map(([name, make], place) => runOf(`${name}, ${type}`, make(), 3, place + 1));

/** Each operator by itself. */
export const singleRuns: readonly QuantizedRun[] = [
  ...runsOf(singleOperators, "int8"),
  ...runsOf(wideOperators, "int16"),
];

/** The samples as a file has them: images with channels last. */
export function fileInputs({ graph, inputs }: QuantizedRun): Int8Array | Int16Array {
  return channelsLast(inputs, graph.inputs[0]?.shape ?? []);
}

/** What the interpreter computes, as a file's runtime gives it: the outputs of a sample one after the other. */
export function interpretedBytes({ graph, inputs, samples }: QuantizedRun): Uint8Array {
  const values = interpret(graph, new Map([[graph.inputs[0]?.name ?? "", inputs]]));
  const outputs = graph.outputs.map((name) => {
    const value = values.get(name);
    assert.ok(value);
    const { buffer, byteLength } = channelsLast(value.data as Int8Array, value.shape);
    return { bytes: new Uint8Array(buffer), length: byteLength / samples };
  });
  return Buffer.concat(
    Array.from({ length: samples }, (_, sample) =>
      outputs.map(({ bytes, length }) => bytes.subarray(sample * length, (sample + 1) * length)),
    ).flat(),
  );
}
