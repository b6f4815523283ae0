/**
 * Where in the source framework's tree of modules a node comes from.
 *
 * @module
 */
import type { NodeProto } from "../../onnx-file/model.ts";

/** Endings of the names that frameworks give to weights. */
const weightEnding =
  /[._](weight|bias|gamma|beta|running_mean|running_var|moving_mean|moving_var|w_\d+|b_\d+)$/;

/** Whether a tensor's name is a key of the network that the file was made of, rather than one that an exporter made up. */
export function isKey(name: string): boolean {
  return weightEnding.test(name) && !/[:/]/.test(name);
}

/** The module that a key belongs to, e.g. `layer1.0.conv1` of `layer1.0.conv1.weight`. */
export function parentOf(key: string): string {
  return key.replace(/[._][^._]+$/, "").replace(/^\.|_orig_mod\./g, "");
}

/**
 * Path of the module that a node comes from; "" where it is not known.
 *
 * @param key of a weight that it reads. What its exporter says of the node itself comes first: equal tensors may have been
 *   merged under one key. Not so of a convolution that a batch norm was folded into: there it says the norm's.
 */
export function pathOf(node: NodeProto, key: string | undefined): string {
  const told = pathByScopes(node) || pathByName(node.name ?? "");
  if (key !== undefined && (told === "" || isFoldedBatchNorm(node))) return parentOf(key);
  return told;
}

/** Whether the exporter has folded a batch norm into this convolution. */
export function isFoldedBatchNorm({ metadata }: NodeProto): boolean {
  const rules = metadata.find(({ key }) => key === "pkg.onnxscript.rewriter.rule_name")?.value ?? "";
  return rules.includes("FuseBatchNorm");
}

/** PyTorch's exporter lists the modules around a node, from the outermost on, and then the node: `['', 'layer1', 'layer1.0', 'relu']`. */
function pathByScopes({ metadata }: NodeProto): string | undefined {
  const scopes = metadata.find(({ key }) => key === "pkg.torch.onnx.name_scopes")?.value;
  if (scopes === undefined) return undefined;
  const names = [...scopes.matchAll(/'([^']*)'/g)].map(([, name = ""]) => name);
  return names.at(-2) ?? "";
}

/**
 * Its earlier one names nodes by the modules around them, of which a list's member repeats the list's name:
 * `/layer1/layer1.0/relu/Relu`.
 */
function pathByName(name: string): string {
  if (!name.startsWith("/")) return "";
  const path: string[] = [];
  for (const part of name.split("/").slice(1, -1)) {
    const last = path.at(-1);
    if (last !== undefined && part.startsWith(`${last}.`)) path.pop();
    path.push(part);
  }
  return path.join(".");
}
