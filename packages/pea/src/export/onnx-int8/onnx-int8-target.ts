/** ONNX files of integers, proven by ONNX Runtime. */
import { PeaError } from "@pea/core";
import { mergePads, prepare, type QuantizedGraph, usualScheme } from "@pea/graph";
import { type Module, noGrad, type Tensor, tensor } from "@pea/torch";
import { GraphNetwork } from "../../import/network/graph-network.ts";
import { traceNetwork } from "../../trace/trace.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { onnxTarget } from "../onnx/onnx-target.ts";
import { integerOpsets, usualOpset } from "../onnx/opsets.ts";
import { openSession } from "../onnx/session.ts";
import { type ExactAnswers, exactAnswers, type QuantaDifference } from "../quanta.ts";
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

/**
 * Steps that answers may be from the exact integers on average. Both round the same floats, each in its own way at each layer: as
 * two draws of one noise they are √2 times as far apart as either is from the floats. Of thirty networks, right files were
 * 1.16 times as far at most.
 *
 * @param rounding steps that floats are from the exact integers
 */
const allowedMean = (rounding: number): number => 0.5 + 2 * rounding;

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
    encodeOnnx(toQdq(mergePads(graph)), { ...about, opset }),
  open: (path) => openSession(path),
  async verify(path, { graph, inputs, model }) {
    const exact = exactAnswers(graph, inputs);
    const quanta = await besideRuntime(exact, path, { saturates: false });
    const rounding = await besideFloats(exact, model, inputs);
    const allowed = allowedMean(rounding.mean);
    if (quanta.mean > allowed)
      throw new PeaError(
        `ONNX Runtime is ${quanta.mean.toFixed(2)} steps from the exact integers on average, where rounding explains ` +
          `${allowed.toFixed(2)}: please report this network`,
      );
    const usualQuanta = await besideRuntime(exact, path, { saturates: true });
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

async function besideRuntime(
  exact: ExactAnswers,
  path: string,
  { saturates }: { saturates: boolean },
): Promise<QuantaDifference> {
  const session = await openSession(path, { saturates });
  return exact.beside(session).finally(() => session.release());
}

/** The network in floats, as it was made integers. */
async function besideFloats(exact: ExactAnswers, model: Module, inputs: Tensor): Promise<QuantaDifference> {
  const network = new GraphNetwork(prepare(traceNetwork(model, inputs.shape.slice(1)).graph).graph);
  network.eval();
  try {
    return await exact.beside({
      async run(images, shape) {
        using logits = noGrad(() => network.forward(tensor(images, { shape })));
        return { shape: logits.shape, values: logits.toTypedArray() as Float32Array };
      },
    });
  } finally {
    network.dispose();
  }
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
