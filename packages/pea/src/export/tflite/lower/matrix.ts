/** Layers of whole vectors. */
import type { Constant } from "@pea/graph";
import { paddings } from "../schema.ts";
import { addBias } from "./convolution.ts";
import { fusedOf } from "./fused.ts";
import type { Lower } from "./lowering.ts";

/**
 * A convolution of one pixel. FULLY_CONNECTED would be the operator of this name, but runtimes round it in different ways. Weights
 * become [out, 1, 1, in]; of a flattened image their last axis lies as the image lies in the file.
 */
export const Gemm: Lower = (site, lowering) => {
  const [input = "", name = ""] = site.node.inputs;
  const [, outputs = 1] = site.outputSizes();
  const weight = site.known(1, "weight");
  const quantization = site.quantization(1);
  const data = rowsOfOutputs(weight, site.int("transB", 0) === 1, lowering.features.get(input));
  const [rows = 1, depth = 1] = site.sizes(0);
  const weights = lowering.add({
    name,
    shape: [outputs, 1, 1, depth],
    type: quantization.type,
    quantization: { ...quantization, axis: 0 },
    data,
  });
  const bias = addBias(lowering, site, outputs);
  const pixel = lowering.reshape(lowering.read(input), [rows, 1, 1, depth]);
  const output = lowering.write(site.node.outputs[0] as string);
  const result = lowering.between(output, [rows, 1, 1, outputs], "pixel");
  lowering.emit("CONV_2D", [pixel, weights, bias], [result], {
    padding: paddings.VALID,
    stride_w: 1,
    stride_h: 1,
    fused_activation_function: fusedOf(site),
    dilation_w_factor: 1,
    dilation_h_factor: 1,
  });
  lowering.reshape(result, [rows, outputs], output);
};

/** [out, in] of a weight that is so already, or [in, out]; `places` says where in the file feature i lies. */
function rowsOfOutputs({ shape, data }: Constant, isSo: boolean, places: Int32Array | undefined) {
  const [outputs = 1, depth = 1] = isSo ? shape : shape.toReversed();
  const result = data.slice() as Int8Array;
  for (let out = 0; out < outputs; out++)
    for (let feature = 0; feature < depth; feature++)
      result[out * depth + (places?.[feature] ?? feature)] = (data as Int8Array)[
        isSo ? out * depth + feature : feature * outputs + out
      ] as number;
  return result;
}
