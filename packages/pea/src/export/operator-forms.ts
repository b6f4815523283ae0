/**
 * The operators of a network, those of one form together.
 *
 * @module
 */
import { type Graph, type GraphNode, inferShapes, type QuantizedNode, type Shape } from "@pea/graph";

/** An operator in one form, and how often a network has it. */
export interface OperatorForm {
  /** ONNX's name of it. */
  readonly operator: string;
  /** Sizes of its window, and what it is moved by: of convolutions and pooling. */
  readonly kernel?: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  /** How many groups of channels a convolution has, where there are several. */
  readonly groups?: "each channel" | number;
  /** Computed by it as well. */
  readonly activation?: string;
  /** Modules that compute it, in the order in which they run. */
  readonly paths: readonly string[];
}

/** The forms of a network's operators, in the order in which they run first. */
export function operatorForms(graph: Graph, nodes: readonly QuantizedNode[] = graph.nodes): OperatorForm[] {
  const shapes = inferShapes(graph);
  const forms = new Map<string, OperatorForm>();
  for (const node of nodes) {
    const form = formOf(node, shapes);
    const key = JSON.stringify(form);
    const known = forms.get(key);
    forms.set(key, { ...form, paths: [...(known?.paths ?? []), node.path] });
  }
  return [...forms.values()];
}

function formOf(node: QuantizedNode, shapes: ReadonlyMap<string, Shape>): Omit<OperatorForm, "paths"> {
  const { operator, attributes, fused } = node;
  const kernel = kernelOf(node, shapes);
  const ones = kernel?.map(() => 1) ?? [];
  return {
    operator,
    ...(kernel && {
      kernel,
      strides: (attributes.strides as readonly number[] | undefined) ?? ones,
      dilations: (attributes.dilations as readonly number[] | undefined) ?? ones,
    }),
    ...groupsOf(node, shapes),
    ...(fused && { activation: fused === "relu" ? "Relu" : "Relu6" }),
  };
}

function kernelOf(
  { operator, inputs, attributes }: GraphNode,
  shapes: ReadonlyMap<string, Shape>,
): readonly number[] | undefined {
  if (operator === "Conv" || operator === "ConvTranspose")
    return shapes
      .get(inputs[1] ?? "")
      ?.slice(2)
      .map(Number);
  return attributes.kernel_shape as readonly number[] | undefined;
}

function groupsOf(
  { attributes, inputs }: GraphNode,
  shapes: ReadonlyMap<string, Shape>,
): Pick<OperatorForm, "groups"> {
  const group = Number(attributes.group ?? 1);
  if (group === 1) return {};
  return { groups: group === shapes.get(inputs[0] ?? "")?.[1] ? "each channel" : group };
}
