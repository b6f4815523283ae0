/**
 * Reads a TensorFlow Lite file back as the quantized graph that it computes, from its bytes alone.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import { areSame, inferShapes, type QuantizedGraph } from "@pea/graph";
import { decodeTflite } from "./decode.ts";
import type { TfliteModel, TfliteOperator } from "./model.ts";
import { raises } from "./raise/index.ts";
import { FileSite, inGraph, Raising } from "./raise/raising.ts";

/**
 * What a file of `writeTflite` computes, within its ends: images of bytes or floats stand for the same numbers as the
 * integers that they become.
 *
 * @returns a graph of one image at a time, with channels second; every value is named by its tensor's name and place
 * @throws PeaError where the file is not whole, has an operator that is not read here, or scales that do not fit it
 */
export function readTflite(file: Uint8Array): QuantizedGraph {
  const model = decodeTflite(file);
  const raising = new Raising(model);
  const { operators, inputs, outputs } = withoutEnds(model);
  for (const operator of operators) {
    const raise = raises[operator.builtin];
    if (raise === undefined) throw new PeaError(`${operator.builtin} is not read here`);
    raise(new FileSite(operator, raising));
  }
  const graph: QuantizedGraph = {
    inputs: inputs.map((place) => ({
      name: raising.value(place),
      shape: inGraph(raising.tensor(place).shape),
    })),
    outputs: outputs.map((place) => raising.value(place)),
    nodes: raising.nodes,
    constants: raising.constants,
    quantizations: raising.quantizations,
  };
  requireShapes(graph, operators, raising);
  return graph;
}

type Within = Pick<TfliteModel, "operators" | "inputs" | "outputs">;

/** Without the operators that turn bytes or floats from outside into the network's integers, and back. */
function withoutEnds(model: TfliteModel): Within {
  const ends: TfliteOperator[] = [];
  const inner = (outside: number, end: TfliteOperator | undefined, place: number | undefined): number => {
    if (end === undefined || place === undefined) return outside;
    requireSameNumbers(model, outside, place);
    ends.push(end);
    return place;
  };
  const inputs = model.inputs.map((outside) => {
    const end = model.operators.find((each) => each.builtin === "QUANTIZE" && each.inputs[0] === outside);
    return inner(outside, end, end?.outputs[0]);
  });
  const outputs = model.outputs.map((outside) => {
    const isEnd = ({ builtin, outputs: [place] }: TfliteOperator) =>
      place === outside && (builtin === "QUANTIZE" || builtin === "DEQUANTIZE");
    const end = model.operators.find(isEnd);
    return inner(outside, end, end?.inputs[0]);
  });
  return { operators: model.operators.filter((each) => !ends.includes(each)), inputs, outputs };
}

/** Bytes count from another end, floats have no steps. */
function requireSameNumbers({ tensors }: TfliteModel, outside: number, inside: number): void {
  const [outer, own] = [tensors[outside], tensors[inside]];
  if (outer?.type === "float32") return;
  const [from, to] = [outer?.quantization, own?.quantization];
  const isSame =
    from?.type === "uint8" &&
    to?.type === "int8" &&
    areSame(to, { ...from, type: to.type, zeroPoints: from.zeroPoints.map((zero) => zero - 128) });
  if (!isSame) throw new PeaError(`${outer?.name} and ${own?.name} do not stand for the same numbers`);
}

/** The file says of each tensor which shape it has; operators say so, too. */
function requireShapes(graph: QuantizedGraph, operators: readonly TfliteOperator[], raising: Raising): void {
  const shapes = inferShapes(graph);
  for (const place of operators.flatMap(({ outputs }) => outputs)) {
    const [computed, told] = [shapes.get(raising.value(place)), inGraph(raising.tensor(place).shape)];
    if (String(computed) !== String(told))
      throw new PeaError(
        `${raising.value(place)} is of ${told.join("×")}, but ${computed?.join("×")} is computed`,
      );
  }
}
