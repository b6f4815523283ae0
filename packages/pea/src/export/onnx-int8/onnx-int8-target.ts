/** ONNX files of integers, proven by ONNX Runtime. */
import { PeaError } from "@pea/core";
import { type QuantizedGraph, usualScheme } from "@pea/graph";
import { encodeOnnx } from "../onnx/encode.ts";
import { onnxTarget } from "../onnx/onnx-target.ts";
import { integerOpsets, usualOpset } from "../onnx/opsets.ts";
import { openSession } from "../onnx/session.ts";
import type { IntegerTarget } from "../target.ts";
import { type RuntimeNodes, runtimeNodes } from "./float-nodes.ts";
import { toQdq } from "./to-qdq.ts";

/** What ONNX Runtime makes of the file. */
export interface IntegerProof {
  readonly runtime: RuntimeNodes;
}

export const onnxInt8Target: IntegerTarget<IntegerProof> = {
  name: "onnx-int8",
  title: "ONNX in integers",
  file: "model-int8.onnx",
  opsets: integerOpsets,
  // With int8, ONNX Runtime on x86 leaves what several layers read in floats.
  scheme: ({ activations = "uint8", ...wishes }) => usualScheme({ ...wishes, activations }),
  obstacle: onnxTarget.obstacle,
  write: (graph, { opset = Math.max(usualOpset, leastOpset(graph)), ...about }) => {
    if (opset < leastOpset(graph))
      throw new PeaError(`opset is ${opset}, but activations of int16 come with opset ${int16Opset}`, {
        kind: "usage",
      });
    return encodeOnnx(toQdq(graph), { ...about, opset });
  },
  open: (path) => openSession(path),
  verify: async (path) => ({ runtime: await runtimeNodes(path) }),
  describe: ({ runtime: { floats } }) => {
    const left = Object.entries(floats).map(([operator, count]) => `${count} ${operator}`);
    return [
      left.length === 0
        ? "ONNX Runtime computes all of it in integers"
        : `ONNX Runtime computes in integers, but for ${left.join(", ")} in floats`,
    ];
  },
};

const int16Opset = 21;

/** The first that has the integers of a graph. */
function leastOpset({ quantizations }: QuantizedGraph): number {
  return [...quantizations.values()].some(({ type }) => type === "int16")
    ? int16Opset
    : Math.min(...integerOpsets);
}
