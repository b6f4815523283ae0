/** The nodes that an output hangs on. */
import { PeaError } from "@pea/core";
import type { NodeProto } from "../../onnx-file/model.ts";

/**
 * In an order in which they can be run: the file's own, where that is one.
 *
 * @param given names of what needs no node
 * @throws PeaError of kind usage for a value that two nodes compute, that none does, or that hangs on itself
 */
export function nodesFor(
  nodes: readonly NodeProto[],
  output: string,
  given: ReadonlySet<string>,
): NodeProto[] {
  const producers = producersOf(nodes, given);
  const needed = new Set<NodeProto>();
  const waiting = [producerOf(output, "the network's output", producers)];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    for (const name of node.input)
      if (name !== "" && !given.has(name))
        waiting.push(producerOf(name, `an input of ${describe(node)}`, producers));
  }
  return ordered(
    nodes.filter((node) => needed.has(node)),
    given,
  );
}

/** Nodes whose inputs are there, in turn. */
function ordered(nodes: readonly NodeProto[], given: ReadonlySet<string>): NodeProto[] {
  const there = new Set(given);
  const result: NodeProto[] = [];
  let left = nodes;
  while (left.length > 0) {
    const next = left.filter((node) => {
      if (!node.input.every((name) => name === "" || there.has(name))) return true;
      for (const name of node.output) there.add(name);
      result.push(node);
      return false;
    });
    const [first] = next;
    if (first !== undefined && next.length === left.length)
      throw new PeaError(`${describe(first)} hangs on its own result: the file is damaged`, {
        kind: "usage",
      });
    left = next;
  }
  return result;
}

function producersOf(nodes: readonly NodeProto[], given: ReadonlySet<string>): Map<string, NodeProto> {
  const producers = new Map<string, NodeProto>();
  for (const node of nodes)
    for (const name of node.output) {
      if (name === "") continue;
      if (producers.has(name) || given.has(name))
        throw new PeaError(`${name} is computed twice, by ${describe(node)} too: the file is damaged`, {
          kind: "usage",
        });
      producers.set(name, node);
    }
  return producers;
}

function producerOf(name: string, what: string, producers: ReadonlyMap<string, NodeProto>): NodeProto {
  const node = producers.get(name);
  if (node !== undefined) return node;
  throw new PeaError(`nothing computes ${name}, which is ${what}: the file is damaged`, { kind: "usage" });
}

/** Operator and name, as messages have them. */
export function describe({ opType, name, output }: NodeProto): string {
  return `${opType || "a node without an operator"} ${name || output[0] || "without a name"}`;
}
