/**
 * Names for weights, and paths for the nodes that have them and for activations: the file's keys where they are keys.
 *
 * @module
 */
import { type Graph, type GraphNode, operators } from "@pea/graph";
import { parentsOf } from "../../../common/module-path.ts";
import { isKey, parentOf, withoutWrapper } from "../node-path.ts";
import { freeName } from "./free-name.ts";

const weightAndBias = ["weight", "bias"];

/** What the weights of an operator are called, by their place among its inputs after the first. */
const roles: Readonly<Record<string, readonly string[]>> = {
  Conv: weightAndBias,
  ConvTranspose: weightAndBias,
  Gemm: weightAndBias,
  LayerNormalization: weightAndBias,
  BatchNormalization: ["weight", "bias", "running_mean", "running_var"],
  PRelu: ["weight"],
  MatMul: ["weight"],
};

/** What nodes without a path are called. */
const layerNames: Readonly<Record<string, string>> = {
  Conv: "conv",
  ConvTranspose: "deconv",
  Gemm: "linear",
  MatMul: "linear",
  BatchNormalization: "bn",
  LayerNormalization: "norm",
  PRelu: "prelu",
};

/**
 * With each weight under a key `<path of its module>.<role>`, as in PyTorch: the file's own key, where it has one. Other
 * numbers stay under their keys; what is none does not look like one.
 *
 * @param origins the file's names of the tensors that constants were made of
 * @param rootKeys keys that have no dot
 */
export function nameParameters(
  graph: Graph,
  origins: ReadonlyMap<string, string>,
  rootKeys: ReadonlySet<string>,
): Graph {
  const names = new Map<string, string>();
  const taken = namesOfOthers(graph);
  const paths = new Set<string>();
  const nodes = graph.nodes.map((node) => {
    const own = roles[node.operator];
    const weights = node.inputs.slice(1);
    if (own === undefined || !weights.some((name) => graph.constants.has(name))) return node;
    const isShared = weights.every((name) => names.has(name) || !graph.constants.has(name));
    const path = isShared ? node.path : unique(node.path, layerNames[node.operator] ?? "layer", paths);
    paths.add(path);
    weights.forEach((name, place) => {
      if (!graph.constants.has(name) || names.has(name)) return;
      const key = origins.get(name) ?? "";
      const wanted = isKey(key) && parentOf(key) === path ? withoutWrapper(key) : `${path}.${own[place]}`;
      names.set(name, freeName(taken.has(wanted) ? `${path}.${own[place]}` : wanted, taken));
    });
    return { ...node, path };
  });
  for (const name of graph.constants.keys())
    if (!names.has(name) && /^\w+$/.test(name) && !rootKeys.has(name))
      names.set(name, freeName(`${name}/number`, taken));
  return renamed({ ...graph, nodes: nameSites(nodes, paths) }, names);
}

/** Names of inputs, and of constants that are no layer's weights: they stay as they are. */
function namesOfOthers({ inputs, nodes, constants }: Graph): Set<string> {
  const others = nodes.flatMap((node) => (roles[node.operator] === undefined ? node.inputs : []));
  return new Set([...inputs.map(({ name }) => name), ...others.filter((name) => constants.has(name))]);
}

/** A path that is free: that of the module, or where there is none a readable one. */
function unique(path: string, kind: string, paths: ReadonlySet<string>): string {
  if (path !== "" && !paths.has(path)) return path;
  const wanted = path === "" ? `${kind}1` : `${path}.${kind}`;
  for (let i = 1, free = wanted; ; free = path === "" ? `${kind}${++i}` : `${wanted}_${i++}`)
    if (!paths.has(free)) return free;
}

/** Activations each under a path of its own: a module called twice is two sites, a call within a module is none yet. */
function nameSites(nodes: readonly GraphNode[], layers: ReadonlySet<string>): GraphNode[] {
  const parents = new Set<string>();
  for (const { path } of nodes) for (const parent of parentsOf(path)) parents.add(parent);
  const taken = new Set(layers);
  return nodes.map((node) => {
    if (operators.get(node.operator)?.role !== "activation" || roles[node.operator] !== undefined)
      return node;
    const isModule = node.path !== "" && !parents.has(node.path) && !layers.has(node.path);
    const wanted = isModule ? node.path : [node.path, node.operator.toLowerCase()].filter(Boolean).join(".");
    let path = wanted;
    for (let i = 1; taken.has(path) || parents.has(path); i++) path = `${wanted}_${i}`;
    taken.add(path);
    return { ...node, path };
  });
}

function renamed(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const values = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const nameOf = (name: string) => names.get(name) ?? name;
  // A value that is called as a key now is goes by another name.
  const keys = new Set(names.values());
  const valueName = (name: string) => (values.has(name) && keys.has(name) ? `${name}/value` : nameOf(name));
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(valueName),
      outputs: node.outputs.map(valueName),
    })),
    outputs: graph.outputs.map(valueName),
    constants: new Map([...graph.constants].map(([name, constant]) => [nameOf(name), constant])),
  };
}
