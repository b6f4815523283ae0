/** ONNX files of integers, proven by ONNX Runtime. */
import { PeaError } from "@pea/core";
import { type QuantizedGraph, usualScheme } from "@pea/graph";
import type { Tensor } from "@pea/torch";
import { encodeOnnx } from "../onnx/encode.ts";
import { onnxTarget } from "../onnx/onnx-target.ts";
import { integerOpsets, usualOpset } from "../onnx/opsets.ts";
import { openSession } from "../onnx/session.ts";
import { type QuantaDifference, quantaDifference } from "../quanta.ts";
import type { IntegerTarget } from "../target.ts";
import { type RuntimeNodes, runtimeNodes } from "./float-nodes.ts";
import { toQdq } from "./to-qdq.ts";

/** What ONNX Runtime makes of the file. */
export interface IntegerProof {
  readonly runtime: RuntimeNodes;
  /** How far its answers are from the interpreter's. */
  readonly quanta: QuantaDifference;
  /** The same as it computes by default on this processor, where sums may saturate. */
  readonly usualQuanta: QuantaDifference;
}

/** Steps that answers may be apart on average: kernels round in their own ways at each layer; a wrong file is tens apart. */
const allowedMean = 8;

export const onnxInt8Target: IntegerTarget<IntegerProof> = {
  name: "onnx-int8",
  title: "ONNX in integers",
  file: "model-int8.onnx",
  opsets: integerOpsets,
  // With int8, ONNX Runtime on x86 leaves what several layers read in floats.
  scheme: ({ activations = "uint8", ...wishes }) => usualScheme({ ...wishes, activations }),
  obstacle: onnxTarget.obstacle,
  check({ activations, opset = int16Opset }) {
    if (activations === "int16" && opset < int16Opset)
      throw new PeaError(
        `opset is ${opset}, but activations of int16 come with opset ${int16Opset}; take that, or leave opset (--opset) out`,
        { kind: "usage" },
      );
  },
  write: (graph, { opset = Math.max(usualOpset, leastOpset(graph)), ...about }) =>
    encodeOnnx(toQdq(graph), { ...about, opset }),
  open: (path) => openSession(path),
  async verify(path, { graph, inputs }) {
    const quanta = await difference(path, graph, inputs, { saturates: false });
    if (quanta.mean > allowedMean)
      throw new PeaError(
        `ONNX Runtime is ${quanta.mean.toFixed(2)} steps from the exact integers on average (allowed: ${allowedMean})`,
      );
    const usualQuanta = await difference(path, graph, inputs, { saturates: true });
    return { runtime: await runtimeNodes(path), quanta, usualQuanta };
  },
  describe: ({ runtime: { floats }, quanta, usualQuanta }) => {
    const left = Object.entries(floats).map(([operator, count]) => `${count} ${operator}`);
    return [
      left.length === 0
        ? "ONNX Runtime computes all of it in integers"
        : `ONNX Runtime computes in integers, but for ${left.join(", ")} in floats`,
      `its answers are ${inSteps(quanta)} from the exact integers (${quanta.images} images)`,
      ...(usualQuanta.mean > quanta.mean + 0.5
        ? [
            `by default ${inSteps(usualQuanta)}, since this processor has no VNNI instructions and sums saturate at 16 bits: ` +
              "set session.x64quantprecision to 1 in ONNX Runtime on such processors",
          ]
        : []),
    ];
  },
};

async function difference(
  path: string,
  graph: QuantizedGraph,
  inputs: Tensor,
  { saturates }: { saturates: boolean },
): Promise<QuantaDifference> {
  const session = await openSession(path, { saturates });
  return quantaDifference(session, graph, inputs).finally(() => session.release());
}

const inSteps = ({ mean, largest }: QuantaDifference): string =>
  `${mean.toFixed(2)} steps on average and ${largest} at most`;

const int16Opset = 21;

/** The first that has the integers of a graph. */
function leastOpset({ quantizations }: QuantizedGraph): number {
  return [...quantizations.values()].some(({ type }) => type === "int16")
    ? int16Opset
    : Math.min(...integerOpsets);
}
