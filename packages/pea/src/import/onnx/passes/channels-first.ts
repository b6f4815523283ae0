/**
 * Files whose images have their channels last, as TensorFlow's, with the channels first everywhere. There each convolution
 * stands between two transpositions. Here a transposition is not carried out where it stands, but remembered: what only
 * works element by element, or along axes that can be named otherwise, works on the tensor as it was before.
 *
 * @module
 */
import {
  type Attributes,
  type Constant,
  type Graph,
  type GraphInput,
  type GraphNode,
  inferShapes,
  operators,
  readersOf,
  removeDeadNodes,
  type Shape,
} from "@pea/graph";

/** The graph with its channels first; undefined where its channels are not last. */
export function channelsFirst(graph: Graph): Graph | undefined {
  const [input] = graph.inputs;
  if (input === undefined || !isChannelsLast(graph, input)) return undefined;
  return new Rewriting(graph).done();
}

const toFirst = "0,3,1,2";
const toLast = [0, 2, 3, 1];

/** Whether the last axis is no longer than others, and all that reads an image, some steps element by element further, puts it first. */
function isChannelsLast(graph: Graph, { name: image, shape }: GraphInput): boolean {
  const [, height = 0, , channels = 0] = shape.map(Number);
  if (channels > height) return false;
  const readers = readersOf(graph);
  const isTurned = (name: string): boolean => {
    const nodes = readers.get(name) ?? [];
    return (
      nodes.length > 0 &&
      nodes.every((node) =>
        node.operator === "Transpose"
          ? String(node.attributes.perm) === toFirst
          : (isElementwise(node) || node.operator === "Pad") && isTurned(node.outputs[0] as string),
      )
    );
  };
  return isTurned(image);
}

/** Of each element alone, whichever others there are. */
function isElementwise({ operator, opaque }: GraphNode): boolean {
  if (opaque !== undefined || arithmetic.has(operator)) return true;
  return operators.get(operator)?.role === "activation" && !operator.endsWith("Softmax");
}

const arithmetic = new Set(["Add", "Sub", "Mul", "Div", "Neg", "Identity"]);

/** A value of the former graph: axis i of it is axis perm[i] of a value of the new one. */
interface Turned {
  readonly name: string;
  readonly perm: readonly number[];
}

class Rewriting {
  readonly #nodes: GraphNode[] = [];
  readonly #constants: Map<string, Constant>;
  readonly #values = new Map<string, Turned>();
  readonly #shapes: ReadonlyMap<string, Shape>;
  /** Where the elements of a flattened image are read from in the order of the former graph. */
  readonly #columns = new Map<string, readonly number[]>();
  readonly #turned = new Map<string, string>();
  readonly #readers: ReadonlyMap<string, readonly GraphNode[]>;
  #copies = 0;

  constructor(private readonly graph: Graph) {
    this.#constants = new Map(graph.constants);
    this.#shapes = inferShapes(graph);
    this.#readers = readersOf(graph);
  }

  done(): Graph {
    const [input] = this.graph.inputs;
    const { name = "", shape = [] } = input ?? {};
    this.#values.set(name, { name, perm: toLast });
    for (const node of this.graph.nodes) this.#rewrite(node);
    const outputs = this.graph.outputs.map((output) => {
      const { name: own, perm } = this.#valueOf(output);
      // An answer for each pixel has its channels first too.
      return perm.join() === toLast.join() ? own : this.#plain(output);
    });
    const [batch = "batch", height = 1, width = 1, channels = 1] = shape;
    const graph = {
      inputs: [{ name, shape: [batch, channels, height, width] }],
      outputs: this.graph.outputs,
      nodes: renamed(this.#nodes, outputs, this.graph.outputs),
      constants: this.#constants,
    };
    inferShapes(graph);
    return removeDeadNodes(graph);
  }

  #rewrite(node: GraphNode): void {
    const { operator, inputs, outputs, attributes } = node;
    const [output = ""] = outputs;
    const [first = ""] = inputs;
    const axes = this.#axesOf(first);
    if (operator === "Transpose") {
      const { name, perm } = this.#valueOf(first);
      const turned = (attributes.perm as readonly number[]).map((axis) => perm[axis] as number);
      this.#values.set(output, { name, perm: turned });
    } else if (isElementwise(node)) this.#elementwise(node);
    else if (operator === "Concat") {
      const perm = this.#permOf(first);
      const names = inputs.map((name) => this.#as(name, perm));
      this.#emit({ ...node, inputs: names, attributes: { axis: axes(Number(attributes.axis)) } }, perm);
    } else if (operator.startsWith("Reduce")) this.#reduce(node);
    else if (operator === "Squeeze") this.#squeeze(node);
    else if (operator in alongAxes) {
      const perm = this.#permOf(first);
      const along = alongAxes[operator]?.(attributes, perm) ?? attributes;
      this.#emit({ ...node, inputs: [this.#valueOf(first).name], attributes: along }, perm);
    } else if (this.#flattensForLayers(node)) this.#flatten(node);
    else this.#emit(this.#ofColumns({ ...node, inputs: inputs.map((name) => this.#plain(name)) }));
  }

  /** On tensors turned alike; constants are turned back. */
  #elementwise(node: GraphNode): void {
    const rank = this.#rank(node.outputs[0] as string);
    const computed = node.inputs.filter((name) => !this.#constants.has(name));
    const leader = computed.find((name) => this.#rank(name) === rank);
    const isPlain = leader === undefined || computed.some((name) => this.#rank(name) !== rank);
    const perm = isPlain ? range(rank) : this.#permOf(leader);
    const inputs = node.inputs.map((name) => {
      if (isPlain) return this.#plain(name);
      return this.#constants.has(name) ? this.#turnedBack(name, perm) : this.#as(name, perm);
    });
    this.#emit({ ...node, inputs, ...this.#opaqueTurned(node, perm) }, perm);
  }

  #opaqueTurned({ opaque }: GraphNode, perm: readonly number[]): Partial<GraphNode> {
    if (opaque === undefined) return {};
    const shapes = opaque.shapes.map((shape) => turnedBackShape(shape, perm));
    return { opaque: { ...opaque, shapes } };
  }

  #reduce(node: GraphNode): void {
    const [first = ""] = node.inputs;
    const perm = this.#permOf(first);
    const axes = (node.attributes.axes as readonly number[]).map((axis) => perm[axis] as number);
    const isKept = node.attributes.keepdims !== 0;
    const attributes = { ...node.attributes, axes: axes.toSorted((a, b) => a - b) };
    this.#emit(
      { ...node, inputs: [this.#valueOf(first).name], attributes },
      isKept ? perm : without(perm, axes),
    );
  }

  #squeeze(node: GraphNode): void {
    const [first = ""] = node.inputs;
    const perm = this.#permOf(first);
    const axes = (node.attributes.axes as readonly number[]).map((axis) => perm[axis] as number);
    const attributes = { axes: axes.toSorted((a, b) => a - b) };
    this.#emit({ ...node, inputs: [this.#valueOf(first).name], attributes }, without(perm, axes));
  }

  /** Whether a node makes rows of images, which layers of constant weights alone read. */
  #flattensForLayers({ operator, inputs: [first = ""], outputs: [output = ""] }: GraphNode): boolean {
    const readers = this.#readers.get(output) ?? [];
    return (
      (operator === "Reshape" || operator === "Flatten") &&
      this.#rank(output) === 2 &&
      this.#shapes.get(output)?.[0] === "batch" &&
      this.#permOf(first)[0] === 0 &&
      !this.graph.outputs.includes(output) &&
      readers.every(
        ({ operator: reader, inputs: [, weight = ""] }) =>
          (reader === "MatMul" || reader === "Gemm") && this.#constants.has(weight),
      )
    );
  }

  #flatten(node: GraphNode): void {
    const [first = ""] = node.inputs;
    const [output = ""] = node.outputs;
    const { name, perm } = this.#valueOf(first);
    const image = (this.#shapes.get(first) ?? []).slice(1).map(Number);
    this.#columns.set(
      output,
      formerPlaces(
        image,
        perm.slice(1).map((axis) => axis - 1),
      ),
    );
    this.#emit({ ...node, operator: "Reshape", inputs: [name], attributes: { shape: [0, -1] } });
  }

  /** A layer that reads flattened images, its weights in their new order. */
  #ofColumns(node: GraphNode): GraphNode {
    const [input = "", weight = ""] = node.inputs;
    const columns = this.#columns.get(input);
    const constant = this.#constants.get(weight);
    if (columns === undefined || constant === undefined) return node;
    const [rows = 0, length = 0] = constant.shape;
    const isTurned = node.operator === "Gemm" && node.attributes.transB === 1;
    const data = new Float32Array(constant.data.length);
    if (isTurned)
      for (let row = 0; row < rows; row++)
        columns.forEach((from, to) => {
          data[row * length + to] = Number(constant.data[row * length + from]);
        });
    else
      columns.forEach((from, to) => {
        data.set((constant.data as Float32Array).subarray(from * length, (from + 1) * length), to * length);
      });
    const name = this.#ownName(weight);
    this.#constants.set(name, { shape: constant.shape, data });
    return { ...node, inputs: [input, name, ...node.inputs.slice(2)] };
  }

  #emit(node: GraphNode, perm?: readonly number[]): void {
    this.#nodes.push(node);
    for (const name of node.outputs) this.#values.set(name, { name, perm: perm ?? range(this.#rank(name)) });
  }

  #valueOf(name: string): Turned {
    return this.#values.get(name) ?? { name, perm: range(this.#rank(name)) };
  }

  #permOf(name: string): readonly number[] {
    return this.#valueOf(name).perm;
  }

  #axesOf(name: string): (axis: number) => number {
    const perm = this.#permOf(name);
    return (axis) => perm[axis < 0 ? axis + perm.length : axis] as number;
  }

  #rank(name: string): number {
    return this.#shapes.get(name)?.length ?? 0;
  }

  /** A value as it was in the former graph. */
  #plain(name: string): string {
    return name === "" ? "" : this.#as(name, range(this.#rank(name)));
  }

  /** A value of the new graph of which the former one is the transposition `wanted`. */
  #as(name: string, wanted: readonly number[]): string {
    const { name: own, perm } = this.#valueOf(name);
    if (perm.join() === wanted.join()) return own;
    const turned = `${name}/turned ${wanted.join("")}`;
    if (!this.#turned.has(turned)) {
      const place = wanted.map((_, axis) => wanted.indexOf(axis));
      this.#nodes.push({
        operator: "Transpose",
        inputs: [own],
        outputs: [turned],
        attributes: { perm: place.map((axis) => perm[axis] as number) },
        path: "",
      });
      this.#turned.set(turned, turned);
    }
    return turned;
  }

  /** A constant so that its transposition is the one that the former graph had. */
  #turnedBack(name: string, perm: readonly number[]): string {
    const { shape, data } = this.#constants.get(name) as Constant;
    if (data.length === 1 || perm.join() === range(perm.length).join()) return name;
    const full = [...new Array<number>(perm.length - shape.length).fill(1), ...shape];
    const to = turnedBackShape(full, perm).map(Number);
    const columns = formerPlaces(full, perm);
    const own = this.#ownName(name);
    this.#constants.set(own, { shape: to, data: Float32Array.from(columns, (from) => Number(data[from])) });
    return own;
  }

  /** The name for a changed constant: its own, where nothing else reads it. */
  #ownName(name: string): string {
    if (this.#readers.get(name)?.length === 1) return name;
    this.#copies += 1;
    return `${name}/turned${this.#copies}`;
  }
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** Axis perm[i] of the result is axis i of what is given. */
function turnedBackShape<S>(shape: readonly S[], perm: readonly number[]): S[] {
  return perm.map((_, axis) => shape[perm.indexOf(axis)] as S);
}

/** For each element, in the order of the new axes, its place in the order of the former ones, of which `perm` tells where they went. */
function formerPlaces(shape: readonly number[], perm: readonly number[]): number[] {
  const sizes = turnedBackShape(shape, perm);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const steps = turnedBackShape(strides, perm);
  return sizes.reduce<number[]>(
    (places, size, axis) =>
      places.flatMap((place) => range(size).map((i) => place + i * (steps[axis] as number))),
    [0],
  );
}

/** A transposition of what is left where some axes of the tensor before it are gone. */
function without(perm: readonly number[], gone: readonly number[]): number[] {
  const left = perm.filter((axis) => !gone.includes(axis));
  const order = left.toSorted((a, b) => a - b);
  return left.map((axis) => order.indexOf(axis));
}

/** The attributes of operators along axes, on the tensor before its transposition. */
const alongAxes: Readonly<Record<string, (attributes: Attributes, perm: readonly number[]) => Attributes>> = {
  Softmax: withAxis,
  LogSoftmax: withAxis,
  Split: withAxis,
  Slice: (attributes, perm) => ({
    ...attributes,
    axes: list(attributes.axes).map((axis) => perm[axis] as number),
  }),
  Pad: (attributes, perm) => {
    const pads = list(attributes.pads);
    const rank = perm.length;
    const turned = [
      ...turnedBackShape(pads.slice(0, rank), perm),
      ...turnedBackShape(pads.slice(rank), perm),
    ];
    return { ...attributes, pads: turned };
  },
  Resize: (attributes, perm) =>
    attributes.scales === undefined
      ? { ...attributes, axes: list(attributes.axes).map((axis) => perm[axis] as number) }
      : { ...attributes, scales: turnedBackShape(list(attributes.scales), perm) },
};

function withAxis(attributes: Attributes, perm: readonly number[]): Attributes {
  const axis = Number(attributes.axis);
  return { ...attributes, axis: perm[axis < 0 ? axis + perm.length : axis] as number };
}

const list = (value: Attributes[string] | undefined): readonly number[] => (value ?? []) as readonly number[];

function renamed(nodes: readonly GraphNode[], from: readonly string[], to: readonly string[]): GraphNode[] {
  const name = (each: string) => to[from.indexOf(each)] ?? each;
  return nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(name),
    outputs: node.outputs.map(name),
  }));
}
