/**
 * Turns one forward pass of a network into a graph of operators.
 *
 * Every operator passes libtorch's one door, so recording there sees exactly what the network computes: no second
 * description of the model has to be kept in step with the first.
 * @module
 */
import { PeaError } from "@pea/core";
import type { Graph } from "@pea/graph";
import {
  type Call,
  keep,
  type Module,
  noGrad,
  onForward,
  recordCalls,
  scope,
  Tensor,
  zeros,
} from "@pea/torch";
import { GraphBuilder } from "./graph-builder.ts";
import { traceBatch } from "./trace-batch.ts";

export { inputName, outputName } from "./graph-builder.ts";

/** A call of a module, by the names of the values that went in and came out. */
export interface ModuleCall {
  path: string;
  input: string;
  output: string;
}

export interface TracedNetwork {
  /** From `input` to `logits`; constants are named by their state-dict keys, values by the modules that compute them. */
  graph: Graph;
  /** The calls of its modules on the way to the output, inner ones first. */
  calls: ModuleCall[];
}

/**
 * Runs `model` once in evaluation mode on a batch of zeros and gives the operators which lead to its output. What the
 * graph has no words for is an opaque node.
 *
 * What is computed of parameters and buffers alone is a constant of the graph.
 *
 * @param model maps `[batch, ...inputShape]` to one tensor, in float32; its mode is put back afterwards
 * @param inputShape shape of one image, `[channels, height, width]`
 * @throws PeaError when the network is not in float32, or its output does not come from recorded operators on the input
 * @throws TorchError when the image does not fit the network
 */
export function traceNetwork(model: Module, inputShape: readonly number[]): TracedNetwork {
  for (const [key, { dtype }] of model.namedParameters())
    if (dtype !== "float32")
      throw new PeaError(`"${key}" is ${dtype}; only float32 networks can be exported.`);
  const modes = [...model.namedModules().values()].map((module) => ({ module, training: module.training }));
  model.eval();
  try {
    return scope(() => noGrad(() => record(model, inputShape)));
  } finally {
    for (const { module, training } of modes) module.training = training;
  }
}

function record(model: Module, inputShape: readonly number[]): TracedNetwork {
  const device = model.parameters()[0]?.device;
  const input = zeros([traceBatch, ...inputShape], { device });
  const calls: Call[] = [];
  const held: Tensor[] = [];
  const moduleCalls: { path: string; input: Tensor; output: Tensor }[] = [];
  const unhook = [...model.namedModules()].map(([path, module]) =>
    onForward(module, (input, output) => moduleCalls.push({ path, input, output })),
  );
  try {
    const output = recordCalls(
      (call) => {
        calls.push(call);
        held.push(...hold(call));
      },
      () => model.forward(input),
    );
    return read(model, { input, output, calls, moduleCalls });
  } finally {
    for (const off of unhook) off();
    for (const tensor of held) tensor.dispose();
  }
}

/** Keeps what a call computed from scopes within the forward pass, which free it before it is read. */
function hold({ result }: Call): Tensor[] {
  const free = [result].flat().filter((made) => made instanceof Tensor && !made.kept) as Tensor[];
  return free.map(keep);
}

interface Recording {
  input: Tensor;
  output: Tensor;
  calls: readonly Call[];
  moduleCalls: readonly { path: string; input: Tensor; output: Tensor }[];
}

function read(model: Module, { input, output, calls, moduleCalls }: Recording): TracedNetwork {
  const producer = new Map<Tensor, string>();
  // Inner modules finish first, so the innermost module keeps the claim to its output.
  for (const { path, output } of moduleCalls) if (!producer.has(output)) producer.set(output, path);
  const builder = new GraphBuilder(model.stateDict(), input, producer);
  for (const call of neededFor(output, calls)) builder.addCall(call);
  const graph = builder.build(output);
  return {
    graph,
    calls: moduleCalls.flatMap(({ path, ...tensors }) => {
      const [read, made] = [builder.nameOf(tensors.input), builder.nameOf(tensors.output)];
      return read === undefined || made === undefined ? [] : [{ path, input: read, output: made }];
    }),
  };
}

/** The calls `output` depends on, in their order; queries and unused results fall away. */
function neededFor(output: Tensor, calls: readonly Call[]): Call[] {
  const needed = new Set<unknown>([output]);
  const kept: Call[] = [];
  for (const call of calls.toReversed()) {
    if (![call.result].flat().some((result) => result instanceof Tensor && needed.has(result))) continue;
    kept.push(call);
    for (const arg of call.args.flat()) needed.add(arg);
  }
  return kept.reverse();
}
