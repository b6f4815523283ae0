/**
 * What a deployed network holds beside ReLU, told to those who run it.
 *
 * @module
 */
import { type ActivationKind, activationsOf, at, type Graph } from "@pea/graph";
import { counted } from "../common/counted.ts";

/** An activation that is not ReLU. */
export interface OtherActivation {
  readonly kind: Exclude<ActivationKind, "relu">;
  /** ONNX's name of it. */
  readonly operator: string;
  /** Of the module, e.g. `layer1.0.gate`. */
  readonly path: string;
}

/** The activations other than ReLU, in the order of the graph; none where ReLU is the only one. */
export function otherActivationsOf(graph: Graph): OtherActivation[] {
  return activationsOf(graph).flatMap(({ kind, node: { operator, path } }) =>
    kind === "relu" ? [] : [{ kind, operator, path }],
  );
}

/** Modules that a line names of each kind. */
const named = 3;

/** Whether ReLU is the only activation, and which others there are: a line. */
export function describeActivations(others: readonly OtherActivation[]): string {
  if (others.length === 0) return "Relu is the only activation";
  const kinds = [...new Set(others.map(({ kind }) => kind))].map((kind) => {
    const all = others.filter((other) => other.kind === kind);
    const first = all.slice(0, named).map(({ operator, path }) => `${operator}${at(path)}`);
    const more = all.length > named ? [`… and ${all.length - named} more`] : [];
    return `${counted(all.length, kind)} (${[...first, ...more].join(", ")})`;
  });
  return `Relu is not the only activation; others: ${kinds.join("; ")}`;
}
