import { PeaError } from "@pea/core";
import { interpreterOf, numbersOf, type QuantizedGraph } from "@pea/graph";
import type { DeployedSession } from "../onnx/session.ts";

/** A network of one input and one output as the interpreter runs it: images of floats in, logits of floats out. */
export function openInterpreter(graph: QuantizedGraph): DeployedSession {
  const [{ name = "" } = {}] = graph.inputs;
  const [output = ""] = graph.outputs;
  const interpreter = interpreterOf(graph);
  const quantization = graph.quantizations.get(output);
  if (quantization === undefined) throw new PeaError(`${output} has no quantization`);
  return {
    async run(images) {
      const value = interpreter.run(new Map([[name, images]]), [output]).get(output);
      if (value === undefined) throw new PeaError(`${output} is not computed`);
      return { shape: value.shape, values: numbersOf(value.data, quantization) };
    },
    async release() {},
  };
}
