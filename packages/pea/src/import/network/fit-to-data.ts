/**
 * A network's graph for other images and classes than it was made for.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  answersOf,
  type Constant,
  elementsOf,
  formatShape,
  type Graph,
  type GraphNode,
  inferShapes,
  operators,
  outputAxis,
  producersOf,
} from "@pea/graph";
import { init } from "@pea/torch";
import { counted } from "../../common/counted.ts";
import { drawn } from "./fresh-weights.ts";

/** What a network is to be trained on. */
export interface DataFit {
  /** Channels, height and width of an image. */
  readonly inputShape: readonly [channels: number, height: number, width: number];
  readonly classes: number;
}

/** A graph that fits, and what was done to it, line by line. */
export interface FittedGraph {
  readonly graph: Graph;
  readonly remarks: readonly string[];
}

/**
 * The graph for the data: a softmax at its end is left to the loss, the last layer with weights is drawn anew where it
 * answers another number of classes, and the first convolution's weights are summed or repeated where images have another
 * number of channels.
 *
 * @throws PeaError of kind usage where it cannot be made to fit
 */
export function fitToData(graph: Graph, { inputShape, classes }: DataFit): FittedGraph {
  const remarks: string[] = [];
  const tell = (remark: string) => {
    remarks.push(remark);
  };
  const withoutAnswer = dropAnswer(graph, tell);
  const withChannels = fitChannels(withoutAnswer, inputShape[0], tell);
  const withClasses = fitClasses(withChannels, classes, tell);
  return { graph: forImages(withClasses, inputShape), remarks };
}

type Tell = (remark: string) => void;

/** Without what only turns scores into probabilities: the loss takes scores. */
function dropAnswer(graph: Graph, tell: Tell = () => {}): Graph {
  const [output = ""] = graph.outputs;
  const last = producersOf(graph).get(output);
  if (last === undefined || !answersOf(graph).includes(last)) return graph;
  tell(`${last.operator} at the end is left to the loss: the network gives scores`);
  const outputs = [last.inputs[0] as string];
  return { ...graph, outputs, nodes: graph.nodes.filter((node) => node !== last) };
}

/** Images of another number of channels, by what timm does: weights summed for grey ones, else repeated and scaled. */
function fitChannels(graph: Graph, wanted: number, tell: Tell): Graph {
  const [input] = graph.inputs;
  const channels = Number(input?.shape[1]);
  if (input === undefined || channels === wanted) return graph;
  const constants = new Map(graph.constants);
  const names = new Set<string>();
  for (const node of firstConvolutions(graph, input.name, channels)) {
    const [, name = ""] = node.inputs;
    const weight = graph.constants.get(name);
    if (weight === undefined || (node.attributes.group !== undefined && node.attributes.group !== 1))
      throw refused(`its first convolution is for ${channels} channels, which cannot be changed`);
    names.add(name);
    constants.set(name, withChannels(weight, wanted));
  }
  tell(
    `${[...names].join(", ")}: for ${channels} channels, ${wanted === 1 ? "summed" : "repeated and scaled"} for the ${wanted} of the data`,
  );
  return { ...graph, constants, inputs: [{ ...input, shape: input.shape.with(1, wanted) }] };
}

/** The convolutions that read the images, through what only moves them or changes each alike. */
function firstConvolutions(graph: Graph, from: string, channels: number): GraphNode[] {
  const reached = new Set([from]);
  return graph.nodes.filter(({ operator, inputs, outputs }) => {
    if (!inputs.some((name) => reached.has(name))) return false;
    if (operator === "Conv") return true;
    const constants = inputs.flatMap((name) => graph.constants.get(name) ?? []);
    if (constants.some(({ shape }) => shape.includes(channels) && channels !== 1))
      throw refused(
        `${operator} does something to each of its ${channels} channels, which the data do not have`,
      );
    for (const name of outputs) reached.add(name);
    return false;
  });
}

/** [out, channels, …] for another number of channels, such that images of equal channels give the same. */
function withChannels({ shape, data }: Constant, wanted: number): Constant {
  const [out = 0, channels = 0, ...kernel] = shape;
  const size = elementsOf(kernel);
  const from = data as Float32Array;
  const to = new Float32Array(out * wanted * size);
  for (let o = 0; o < out; o++)
    for (let c = 0; c < (wanted === 1 ? channels : wanted); c++) {
      const [source, target] = wanted === 1 ? [c, 0] : [c % channels, c];
      for (let k = 0; k < size; k++) {
        const place = (o * wanted + target) * size + k;
        const value = from[(o * channels + source) * size + k] as number;
        to[place] = wanted === 1 ? (to[place] as number) + value : (value * channels) / wanted;
      }
    }
  return { shape: [out, wanted, ...kernel], data: to };
}

/** How many numbers a network answers of each image, or of each of its pixels: as many as it knows classes. */
export function classesOf(graph: Graph): number {
  const [, classes = 1] = inferShapes(graph).get(graph.outputs[0] ?? "") ?? [];
  return Number(classes);
}

/** Why a network cannot be given another number of classes; null where it can. */
export function whyNoClasses(graph: Graph): string | null {
  const head = findHead(dropAnswer(graph));
  return typeof head === "string" ? head : null;
}

function fitClasses(graph: Graph, classes: number, tell: Tell): Graph {
  if (classesOf(graph) === classes) return graph;
  const { node, axis, weight, classes: own } = headOf(graph);
  if ((node.attributes.group ?? 1) !== 1)
    throw refused(
      `its last layer, ${node.operator}${pathOf(node)}, works in groups: its ${own} classes are not to be changed`,
    );
  const [, weightName = "", biasName = ""] = node.inputs;
  const constants = new Map(graph.constants);
  const shape = weight.shape.with(axis, classes);
  const fanIn = elementsOf(shape) / classes;
  const draw = (of: readonly number[]) => drawn(of, (tensor) => init.layerDefault(tensor, { fanIn }));
  constants.set(weightName, draw(shape));
  if (biasName !== "") constants.set(biasName, draw([classes]));
  tell(
    `head ${weightName}: ${counted(own, "class", "classes")} in the file, ${classes} in the data: drawn anew`,
  );
  return { ...graph, constants };
}

const pathOf = ({ path }: GraphNode): string => (path === "" ? "" : ` ${path}`);

/** The layer that answers in classes. */
interface Head {
  node: GraphNode;
  weight: Constant;
  /** Of its classes in the weight. */
  axis: number;
  classes: number;
}

/** The last layer with weights before the output, behind which its answers are only moved or scaled. */
function headOf(graph: Graph): Head {
  const head = findHead(graph);
  if (typeof head === "string") throw refused(head);
  return head;
}

/** The head, or why there is none. */
function findHead(graph: Graph): Head | string {
  const producers = producersOf(graph);
  let node = producers.get(graph.outputs[0] ?? "");
  while (node !== undefined) {
    const weight = graph.constants.get(node.inputs[1] ?? "");
    const axis = node.operator === "MatMul" ? 1 : outputAxis(node);
    if (weight !== undefined && axis !== undefined)
      return { node, weight, axis, classes: weight.shape[axis] as number };
    const role = operators.get(node.operator)?.role;
    const computed: string[] = node.inputs.filter((name) => name !== "" && !graph.constants.has(name));
    if ((role !== "arrange" && role !== "linear") || computed.length !== 1) break;
    node = producers.get(computed[0] as string);
  }
  const found = node === undefined ? "" : `; its answers come out of ${node.operator}${pathOf(node)}`;
  return `no layer was found at its end whose outputs are classes${found}`;
}

function forImages(graph: Graph, inputShape: DataFit["inputShape"]): Graph {
  const [input] = graph.inputs;
  if (input === undefined) return graph;
  const fitted = { ...graph, inputs: [{ ...input, shape: ["batch" as const, ...inputShape] }] };
  try {
    inferShapes(fitted);
    return fitted;
  } catch (error) {
    if (!(error instanceof PeaError)) throw error;
    throw refused(
      `it does not take images of ${inputShape.join("×")}: ${error.message}; it was made for ` +
        `${formatShape(input.shape.slice(1))}`,
      error,
    );
  }
}

const refused = (reason: string, cause?: unknown): PeaError =>
  new PeaError(`the network cannot be fitted to the data: ${reason}`, { kind: "usage", cause });
