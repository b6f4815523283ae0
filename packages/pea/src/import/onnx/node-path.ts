/**
 * Where in the source framework's tree of modules a node comes from.
 *
 * @module
 */
import type { GraphProto, NodeProto } from "../../onnx-file/model.ts";

/** Endings of the names that frameworks without dots give to weights, e.g. `conv0_weight`. */
const weightEnding = /_(weight|bias|gamma|beta|running_mean|running_var|moving_mean|moving_var)$/;

/** Whether a tensor's name is a key of the network that the file was made of, rather than one that an exporter made up. */
export function isKey(name: string): boolean {
  return /^[\w.-]+$/.test(name) && (/[^.]\.[^.]/.test(name) || weightEnding.test(name));
}

/** Of what kind PyTorch's later exporter says that a tensor is. */
const kindKey = "pkg.torch.export.graph_signature.InputSpec.kind";

/**
 * Keys without a dot, of numbers that belong to the network as a whole, e.g. `gamma`. Other tensors have such names too: that
 * it is a key the file has to say, or be of an exporter that gives its own tensors other names.
 */
export function rootKeys({ node, initializer, values }: GraphProto, producer: string): ReadonlySet<string> {
  const isWord = (name: string) => /^[A-Za-z_]\w*$/.test(name);
  const names = initializer.map(({ name = "" }) => name).filter(isWord);
  const told = values.filter(({ metadata }) =>
    metadata.some(({ key, value = "" }) => key === kindKey && /^(PARAMETER|BUFFER)$/.test(value)),
  );
  const toldNames = new Set(told.map(({ name }) => name));
  const areAllKeys = producer.startsWith("pea ") || (producer.startsWith("pytorch ") && !isOfLater(node));
  return new Set(areAllKeys ? names : names.filter((name) => toldNames.has(name)));
}

/** The module that a key belongs to, e.g. `layer1.0.conv1` of `layer1.0.conv1.weight`. */
export function parentOf(key: string): string {
  const parent = key.includes(".") ? key.slice(0, key.lastIndexOf(".")) : key.replace(weightEnding, "");
  return withoutWrapper(parent);
}

/** The layer that a weight belongs to by its name in a file of TensorFlow, e.g. `conv2d_1` of `mobilenet/conv2d_1/convolution/merged_input:0`. */
function layerOf(weight: string): string {
  return /^[^/].*\/.*:\d+$/.test(weight) ? weight.split("/").slice(1, -2).join(".") : "";
}

/** Without what `torch.compile` puts before keys. */
export const withoutWrapper = (key: string): string => key.replace(/^_orig_mod\./, "");

/**
 * Path of the module that a node comes from; "" where it is not known.
 *
 * @param weights names of the known tensors that it reads. What its exporter says of the node itself comes first: equal
 *   tensors may have been merged under one key. Not so of a convolution that a batch norm was folded into: there it says
 *   the norm's.
 */
export function pathOf(node: NodeProto, weights: readonly string[]): string {
  const layer = weights.map(layerOf).find((path) => path !== "");
  if (layer !== undefined) return layer;
  const told = pathByScopes(node) || pathByName(node.name ?? "");
  const key = weights.find(isKey);
  if (key === undefined) return told;
  const owner = parentOf(key);
  // The earlier exporter numbers the calls of a module: `/layer1/conv_1/Conv` is the second one's.
  const isLaterCall = told.replace(/_\d+$/, "") === owner;
  return told === "" || isLaterCall || isFoldedBatchNorm(node) ? owner : told;
}

/**
 * Whether PyTorch's earlier exporter wrote a file. It names nodes by the modules around them, and where tensors are equal it
 * says so by an `Identity` under each one's key: what reads one tensor directly shares it.
 */
export function isTraced(nodes: readonly NodeProto[]): boolean {
  return nodes.some(({ name }) => name?.startsWith("/")) && !isOfLater(nodes);
}

/** Whether PyTorch's later exporter wrote a file. */
const isOfLater = (nodes: readonly NodeProto[]): boolean =>
  nodes.some(({ metadata }) => metadata.some(({ key }) => key === scopesKey));

/** Whether PyTorch's exporter has folded a batch norm into this layer: it says so, or, the earlier one, has renamed the weight. */
export function isFoldedBatchNorm(node: NodeProto): boolean {
  const isRenamed = node.opType?.startsWith("Conv") && /^onnx::Conv/.test(node.input[1] ?? "");
  return rulesOf(node).includes("FuseBatchNorm") || Boolean(isRenamed);
}

/**
 * Whether the exporter has dropped a bias because it was zero. Of a `Gemm` it says so; one without a word of where it comes
 * from had a bias, too, since others make products of matrices of layers without one. To a convolution without one it gives
 * zeros before it drops them: it had one when a batch norm had been folded into it, or where it was called with one.
 */
export function hasLostBias(node: NodeProto): boolean {
  const rules = rulesOf(node);
  if (node.opType !== "Gemm")
    return (
      /FuseBatchNorm.*RemoveOptionalBias/.test(rules) ||
      (rules.includes("RemoveOptionalBias") && isCalledWithBias(node))
    );
  const isSaid = rules.includes("RemoveOptionalBias") || pathByScopes(node) === undefined;
  return (node.input[2] ?? "") === "" && isSaid;
}

/** Whether the third argument of the convolution that a node was is a tensor: `aten.conv2d.default](args = (%x, %weight, %bias, …`. */
function isCalledWithBias({ metadata }: NodeProto): boolean {
  const call = metadata.find(({ key }) => key === "pkg.torch.onnx.fx_node")?.value ?? "";
  return /aten\.conv\w*\.\w+\]\(args = \(%\w+, %\w+, %\w+/.test(call);
}

/** Names of the rules by which the exporter has rewritten a node. */
const rulesOf = ({ metadata }: NodeProto): string =>
  metadata.find(({ key }) => key === "pkg.onnxscript.rewriter.rule_name")?.value ?? "";

const scopesKey = "pkg.torch.onnx.name_scopes";

/** PyTorch's exporter lists the modules around a node, from the outermost on, and then the node: `['', 'layer1', 'layer1.0', 'relu']`. */
function pathByScopes({ metadata }: NodeProto): string | undefined {
  const scopes = metadata.find(({ key }) => key === scopesKey)?.value;
  if (scopes === undefined) return undefined;
  const names = [...scopes.matchAll(/'([^']*)'/g)].map(([, name = ""]) => name);
  return names.at(-2) ?? "";
}

/**
 * Its earlier one names nodes by the modules around them, of which a list's member repeats the list's name:
 * `/layer1/layer1.0/relu/Relu`. TensorFlow's names begin with the network's: `mobilenet/re_lu_1/Relu6`.
 */
function pathByName(name: string): string {
  const path: string[] = [];
  for (const part of name.split("/").slice(1, -1)) {
    const last = path.at(-1);
    if (last !== undefined && part.startsWith(`${last}.`)) path.pop();
    if (part !== "batchnorm") path.push(part);
  }
  return path.join(".");
}
