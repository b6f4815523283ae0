/**
 * Runs a quantized network by the integers: the bytes that TensorFlow Lite's reference kernels and LiteRT for
 * Microcontrollers give, and so a chip without its own kernels.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { at, elementsOf, formatShape, type Shape, sizeFor, type TensorData } from "../../graph.ts";
import { inferShapes } from "../../infer-shapes.ts";
import { fixBatch } from "../../passes/fix-batch.ts";
import {
  boundsOf,
  type Integers,
  integersOf,
  type Quantization,
  type QuantizedGraph,
} from "../quantized-graph.ts";
import { QuantizedSite } from "../quantized-site.ts";
import { kernels } from "./kernels.ts";
import { quantized } from "./numbers.ts";

/** Integers, and their sizes. */
export interface IntegerTensor {
  readonly shape: readonly number[];
  readonly data: Integers;
}

/** A network made ready to run. */
export interface Interpreter {
  /**
   * Values by name: every one that nodes compute, and the inputs' integers.
   *
   * @param inputs of each input the integers, or the numbers as float32, of as many samples as there are in all of them
   * @param wanted the values to give back, where not all are
   * @throws PeaError of kind usage where an input is missing, or its length fits no number of samples
   */
  run(
    inputs: ReadonlyMap<string, TensorData>,
    wanted?: readonly string[],
  ): ReadonlyMap<string, IntegerTensor>;
}

/**
 * A network made ready to run: weights are unpacked and factors computed once.
 *
 * @throws PeaError naming operator and module where a node has no form in integers
 */
export function interpreterOf(graph: QuantizedGraph): Interpreter {
  const single: QuantizedGraph = { ...graph, ...fixBatch(graph, 1) };
  const shapes = inferShapes(single) as ReadonlyMap<string, readonly number[]>;
  const openShapes = inferShapes(graph);
  const steps = single.nodes.map((node) => {
    const kernelOf = kernels[node.operator];
    const site = new QuantizedSite(node, single, shapes);
    if (kernelOf === undefined)
      throw new PeaError(
        `${node.operator}${at(node.path)} has no form in integers; those that have one are ${Object.keys(kernels).join(", ")}`,
      );
    return { node, compute: kernelOf(site) };
  });
  const typeOf = (name: string) => quantizationOf(graph, name).type;

  /** Of one sample. */
  const runOne = (inputs: ReadonlyMap<string, Integers>): Map<string, Integers> => {
    const values = new Map<string, Integers>(inputs);
    const read = (name: string): Integers =>
      values.get(name) ?? (graph.constants.get(name)?.data as Integers | undefined) ?? new Int8Array();
    for (const { node, compute } of steps) {
      const outputs = node.outputs.map((name) =>
        integersOf(typeOf(name), elementsOf(shapes.get(name) ?? [])),
      );
      compute(node.inputs.map(read), outputs);
      node.outputs.forEach((name, i) => {
        values.set(name, outputs[i] as Integers);
      });
    }
    return values;
  };

  return {
    run(inputs, wanted) {
      const given = graph.inputs.map(({ name, shape }) => {
        const data = inputs.get(name);
        if (data === undefined) throw usage(`input ${name} is missing`);
        return { name, shape, data: integersFor(data, quantizationOf(graph, name), name) };
      });
      const parts = new Map<string, Integers[]>();
      for (let sample = 0, count = samplesOf(given); sample < count; sample++) {
        const values = runOne(
          new Map(
            given.map(({ name, shape, data }) => {
              const length = elementsOf(shape);
              return [name, data.subarray(sample * length, (sample + 1) * length) as Integers];
            }),
          ),
        );
        for (const name of wanted ?? values.keys()) {
          const value = values.get(name);
          if (value === undefined) throw usage(`no node computes ${name}`);
          const all = parts.get(name) ?? [];
          all.push(value);
          parts.set(name, all);
        }
      }
      return new Map(
        [...parts].map(([name, each]) => [name, together(each, openShapes.get(name) ?? [], typeOf(name))]),
      );
    },
  };
}

/** `interpreterOf(graph).run(inputs)`, for a network that runs once. */
export function interpret(
  graph: QuantizedGraph,
  inputs: ReadonlyMap<string, TensorData>,
): ReadonlyMap<string, IntegerTensor> {
  return interpreterOf(graph).run(inputs);
}

/** One after the other where the batch is open; else they are the same for each. */
function together(parts: readonly Integers[], shape: Shape, type: Quantization["type"]): IntegerTensor {
  const sizes = shape.map((size) => sizeFor(size, parts.length));
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return { shape: sizes, data: first };
  const data = integersOf(type, elementsOf(sizes));
  parts.forEach((part, i) => {
    (data as Int8Array).set(part as Int8Array, i * part.length);
  });
  return { shape: sizes, data };
}

function integersFor(data: TensorData, quantization: Quantization, name: string): Integers {
  if (data instanceof Float32Array) return quantized(data, quantization);
  const [least, greatest] = boundsOf(quantization.type);
  for (let i = 0; i < data.length; i++) {
    const integer = Number(data[i]);
    if (integer < least || integer > greatest)
      throw usage(`input ${name} holds ${integer}, but it is of ${quantization.type}`);
  }
  return data;
}

function samplesOf(given: readonly { name: string; shape: Shape; data: Integers }[]): number {
  const counts = given.map(({ name, shape, data }) => {
    const count = data.length / elementsOf(shape);
    if (!Number.isInteger(count) || count === 0 || (count > 1 && !shape.includes("batch")))
      throw usage(`input ${name} has ${data.length} elements, which do not fit ${formatShape(shape)}`);
    return count;
  });
  const [count = 1] = counts;
  const other = counts.find((each) => each !== count);
  if (other !== undefined) throw usage(`inputs have ${count} and ${other} samples`);
  return count;
}

function quantizationOf({ quantizations }: QuantizedGraph, name: string): Quantization {
  const quantization = quantizations.get(name);
  if (quantization === undefined) throw new PeaError(`${name} has no quantization`);
  return quantization;
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
