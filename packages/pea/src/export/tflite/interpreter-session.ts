import { PeaError } from "@pea/core";
import { interpreterOf, numbersOf, type QuantizedGraph } from "@pea/graph";
import { type DeployedSession, runInBatches } from "../deployed-session.ts";

/** A network of one input and one output, for one image at a time, as the interpreter runs it: floats in, logits of floats out. */
export function openInterpreter(graph: QuantizedGraph): DeployedSession {
  const [{ name = "" } = {}] = graph.inputs;
  const [output = ""] = graph.outputs;
  const interpreter = interpreterOf(graph);
  const quantization = graph.quantizations.get(output);
  if (quantization === undefined) throw new PeaError(`${output} has no quantization`);
  const one: DeployedSession["run"] = async (image) => {
    // It computes without a pause: signals and others have their turn between images.
    await new Promise(setImmediate);
    const value = interpreter.run(new Map([[name, image]]), [output]).get(output);
    if (value === undefined) throw new PeaError(`${output} is not computed`);
    return { shape: value.shape, values: numbersOf(value.data, quantization) };
  };
  return {
    run: (images, shape, onImages) => runInBatches(one, 1, images, shape, onImages),
    async release() {},
  };
}
