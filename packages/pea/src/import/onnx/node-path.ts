/**
 * Where in the source framework's tree of modules a node comes from.
 *
 * @module
 */
import type { NodeProto } from "../../onnx-file/model.ts";

/** Endings of the names that frameworks without dots give to weights, e.g. `conv0_weight`. */
const weightEnding = /_(weight|bias|gamma|beta|running_mean|running_var|moving_mean|moving_var)$/;

/** Whether a tensor's name is a key of the network that the file was made of, rather than one that an exporter made up. */
export function isKey(name: string): boolean {
  return /^[A-Za-z_0-9.]+$/.test(name) && (/[^.]\.[^.]/.test(name) || weightEnding.test(name));
}

/** The module that a key belongs to, e.g. `layer1.0.conv1` of `layer1.0.conv1.weight`. */
export function parentOf(key: string): string {
  const parent = key.includes(".") ? key.slice(0, key.lastIndexOf(".")) : key.replace(weightEnding, "");
  return withoutWrapper(parent);
}

/** Without what `torch.compile` puts before keys. */
export const withoutWrapper = (key: string): string => key.replace(/^_orig_mod\./, "");

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

/** Whether PyTorch's exporter has folded a batch norm into this layer: it says so, or, the earlier one, has renamed the weight. */
export function isFoldedBatchNorm(node: NodeProto): boolean {
  const isRenamed = node.opType?.startsWith("Conv") && /^onnx::Conv/.test(node.input[1] ?? "");
  return rulesOf(node).includes("FuseBatchNorm") || Boolean(isRenamed);
}

/** Whether the exporter has dropped a bias because it was zero. */
export const hasLostBias = (node: NodeProto): boolean => rulesOf(node).includes("RemoveOptionalBias");

/** Names of the rules by which the exporter has rewritten a node. */
const rulesOf = ({ metadata }: NodeProto): string =>
  metadata.find(({ key }) => key === "pkg.onnxscript.rewriter.rule_name")?.value ?? "";

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
