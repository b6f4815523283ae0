/**
 * Turns one forward pass of a network into a graph of operators.
 *
 * Every operator passes libtorch's one door, so recording there sees exactly what the network computes: no second
 * description of the model has to be kept in step with the first.
 * @module
 */
import { PeaError } from "@pea/core";
import { type Call, type Module, noGrad, onForward, recordCalls, scope, Tensor, zeros } from "@pea/torch";

/** A tensor of the graph. Constants (parameters and buffers of the network) carry their data. */
export interface GraphValue {
  /** `input`, `logits`, a state-dict key, or the path of the module that computes the value. */
  name: string;
  shape: readonly number[];
  data?: Float32Array;
}

/** One operator call; tensors among `args` are replaced by the {@link GraphValue} they stand for. */
export interface GraphOperation {
  /** ATen name without its overload, e.g. `aten::add`. */
  operator: string;
  /** Path of the module that made the call; empty when no module can be told. */
  path: string;
  args: readonly unknown[];
  result: GraphValue;
}

export interface NetworkGraph {
  input: GraphValue;
  output: GraphValue;
  operations: GraphOperation[];
}

export const inputName = "input";
export const outputName = "logits";

// Any size above 1 works; one which is unlikely to be a width of the network makes a baked-in batch easy to spot.
const traceBatch = 3;

/**
 * Runs `model` once in evaluation mode on a batch of zeros and returns the operators which lead to its output.
 *
 * @param model maps `[batch, ...inputShape]` to one tensor; its mode is put back afterwards
 * @param inputShape shape of one image, `[channels, height, width]`
 * @throws PeaError when the output does not come from recorded operators on the input, the parameters and the buffers
 */
export function traceNetwork(model: Module, inputShape: readonly number[]): NetworkGraph {
  for (const [key, parameter] of model.namedParameters()) requireFloat32(key, parameter);
  const wasTraining = model.training;
  model.eval();
  try {
    return scope(() => noGrad(() => record(model, inputShape)));
  } finally {
    model.train(wasTraining);
  }
}

function record(model: Module, inputShape: readonly number[]): NetworkGraph {
  const input = zeros([traceBatch, ...inputShape]);
  const calls: Call[] = [];
  const producer = new Map<Tensor, string>();
  const unhook = [...model.namedModules()].map(([path, module]) =>
    // Inner modules finish first, so the innermost module keeps the claim to its output.
    onForward(module, (_input, output) => {
      if (!producer.has(output)) producer.set(output, path);
    }),
  );
  let output: Tensor;
  try {
    output = recordCalls(
      (call) => calls.push(call),
      () => model.forward(input),
    );
  } finally {
    for (const off of unhook) off();
  }
  return new GraphBuilder(model, input, output, producer).build(calls);
}

/** Gives every tensor of a recorded forward pass its name, and keeps the operators the output depends on. */
class GraphBuilder {
  readonly #values = new Map<Tensor, GraphValue>();
  readonly #stateKeys = new Map<Tensor, string>();
  readonly #usedNames = new Set([inputName, outputName]);

  constructor(
    model: Module,
    private readonly input: Tensor,
    private readonly output: Tensor,
    private readonly producer: Map<Tensor, string>,
  ) {
    for (const [key, tensor] of model.stateDict()) {
      this.#stateKeys.set(tensor, key);
      this.#usedNames.add(key);
    }
  }

  build(calls: readonly Call[]): NetworkGraph {
    const input = this.#define(this.input, inputName);
    const operations = neededFor(this.output, calls).map((call) => this.#operation(call));
    const output = this.#values.get(this.output);
    if (output === undefined || output === input) {
      throw new PeaError("The network's output does not depend on any operator that was recorded.");
    }
    return { input, output, operations };
  }

  #operation(call: Call): GraphOperation {
    const operator = withoutOverload(call.name);
    const result = call.result as Tensor;
    const constantKey = call.args.map((arg) => this.#stateKeys.get(arg as Tensor)).find((key) => key);
    const path = constantKey ? parentPath(constantKey) : (this.producer.get(result) ?? "");
    const args = call.args.map((arg) => this.#argument(arg, operator, path));
    const name =
      result === this.output ? outputName : this.#uniqueName(path || operator.replace(/^.*::/, ""));
    return { operator, path, args, result: this.#define(result, name) };
  }

  #argument(arg: unknown, operator: string, path: string): unknown {
    if (Array.isArray(arg)) return arg.map((item) => this.#argument(item, operator, path));
    if (!(arg instanceof Tensor)) return arg;
    const known = this.#values.get(arg);
    if (known) return known;
    const key = this.#stateKeys.get(arg);
    if (key === undefined) {
      throw new PeaError(
        `${operator}${at(path)} reads a tensor which is neither a parameter, a buffer nor the result of a recorded ` +
          "operator; register it in its module with this.buffer(name, tensor).",
      );
    }
    requireFloat32(key, arg);
    return this.#define(arg, key, arg.toTypedArray() as Float32Array);
  }

  #define(tensor: Tensor, name: string, data?: Float32Array): GraphValue {
    const value: GraphValue = { name, shape: [...tensor.shape], ...(data && { data }) };
    this.#values.set(tensor, value);
    return value;
  }

  #uniqueName(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#usedNames.has(name); i++) name = `${wanted}_${i}`;
    this.#usedNames.add(name);
    return name;
  }
}

/** The calls `output` depends on, in their order; queries and unused results fall away. */
function neededFor(output: Tensor, calls: readonly Call[]): Call[] {
  const needed = new Set<unknown>([output]);
  const kept: Call[] = [];
  for (const call of calls.toReversed()) {
    if (!needed.has(call.result)) continue;
    kept.push(call);
    for (const arg of call.args.flat()) needed.add(arg);
  }
  return kept.reverse();
}

function requireFloat32(key: string, { dtype }: Tensor): void {
  if (dtype !== "float32") throw new PeaError(`"${key}" is ${dtype}; only float32 networks can be exported.`);
}

function withoutOverload(name: string): string {
  return name.replace(/\..*$/, "");
}

function parentPath(key: string): string {
  return key.includes(".") ? key.slice(0, key.lastIndexOf(".")) : "";
}

/** `" in layer1.0.bn1"`, or nothing where the module is unknown. */
export function at(path: string): string {
  return path ? ` in ${path}` : "";
}
