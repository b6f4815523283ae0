/** What to say of an operator that is not followed. */
import type { NodeProto } from "../../onnx-file/model.ts";
import type { FileNode } from "./file-node.ts";

const isQuantized = (operator: string): boolean => /Quantize|^QLinear|Integer$/.test(operator);

const hints: Readonly<Record<string, string>> = {
  If: "a branch is not followed: export the network for images of a fixed size, which settles it",
  Loop: "a loop is not followed",
  Scan: "a loop is not followed",
  LSTM: "a recurrent network is not followed",
  GRU: "a recurrent network is not followed",
  RNN: "a recurrent network is not followed",
  NonMaxSuppression: "export a detector without what comes after its last layer",
  GroupNormalization: "it normalizes each image by itself; use batch normalization",
  InstanceNormalization: "it normalizes each image by itself; use batch normalization",
  ArgMax: "it chooses a class: export the network so that it ends with its logits",
};

/** @throws PeaError of kind usage that names node and operator, and what can be done */
export function refuseOperator({ domain, opType }: NodeProto, node: FileNode): never {
  const operator = opType ?? "";
  if (isQuantized(operator))
    return node.refuse("the file is quantized: give the network as it was before, in float32");
  if (domain === "com.microsoft.nchwc")
    return node.refuse(
      "ONNX Runtime has laid the file out for one processor: give the file from before its optimization",
    );
  if (domain && domain !== "ai.onnx")
    return node.refuse(
      `it is of the domain ${domain}, whose operators are not followed; export with standard ones`,
    );
  return node.refuse(
    hints[operator] ?? "an operator that is not followed; docs/import.md lists those that are",
  );
}
