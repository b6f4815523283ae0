/**
 * What a target makes of a network, told before it is trained.
 *
 * @module
 */
import { PeaError } from "@pea/core";
import {
  foldBatchNorms,
  type Graph,
  integerObstacles,
  type Obstacle,
  planIntegers,
  prepare,
  quantize,
  type Scheme,
  type SchemeWishes,
  smoothObstacles,
  smoothToRelu,
} from "@pea/graph";
import { assumedRanges } from "../quantize/assumed-ranges.ts";
import { isVelaAsked } from "./ethos-u/vela.ts";
import { targetOf } from "./export-form.ts";
import { onnxTarget } from "./onnx/onnx-target.ts";
import { type OperatorForm, operatorForms } from "./operator-forms.ts";
import {
  type Estimates,
  type FloatTarget,
  type IntegerSettings,
  type IntegerTarget,
  isIntegerTarget,
  type Placement,
  type Target,
} from "./target.ts";

/** Something that a target does not take, or leaves to the processor. */
export interface Finding {
  /** The module; nothing where it is the network as a whole. */
  readonly path: string;
  /** ONNX's name of the operator; nothing where none is to be named. */
  readonly operator: string;
  /** A sentence that names both, and says why. */
  readonly reason: string;
}

/** What a target makes of a network. */
export interface TargetInspection {
  readonly target: string;
  readonly title: string;
  /**
   * What it does not take; none where it takes the network. Smooth activations come first; then, with ReLU in the place of these,
   * what has no integer form, or else what the target itself refuses.
   */
  readonly refused: readonly Finding[];
  /** As the target gets them: prepared, where it computes in integers. */
  readonly operators: readonly OperatorForm[];
  /** What else is to be known, a line each. */
  readonly remarks: readonly string[];
  /** Of a chip: where it runs the network, unless it refuses it. */
  readonly placement?: Omit<Placement, "onProcessor"> & {
    readonly onProcessor: readonly Finding[];
    /** What it costs, where somebody could be asked. */
    readonly estimates?: Estimates;
  };
}

/** What a target may be told beside the network. */
export interface InspectionSettings extends SchemeWishes, IntegerSettings {
  /** Activations, by @pea/core's names, to be compared with ReLU where it is told what that costs; by default all that are known. */
  readonly compared?: readonly string[];
}

/**
 * Asks a target about a network, whatever its weights: ranges are assumed (`assumedRanges`).
 *
 * @param graph of the network as it will be deployed, e.g. `inspectNetwork(model, [3, 224, 224]).graph`
 * @param name of the target, e.g. `ethos-u55`
 * @param settings `activations` that it is to compute in; `macs` of the chip; `vela`, the command that tells what it costs,
 *   `systemConfig` and `memoryMode` for which: where none of these is named, a Vela that is not there, or fails, costs the estimates
 *   alone, and a remark says why;
 *   `compared`, the activations beside ReLU
 * @throws PeaError of kind usage where there is no such target, and for settings that it has not; as a compiler that is named
 */
export async function inspectForTarget(
  graph: Graph,
  name: string,
  { compared, ...settings }: InspectionSettings = {},
): Promise<TargetInspection> {
  const target = targetOf({ target: name, ...settings });
  const { title } = target;
  const { refused, remarks: unasked } = refusals(graph, target, settings);
  const about = { target: name, title, refused };
  if (!isIntegerTarget(target))
    return { ...about, operators: operatorForms(graph), remarks: [...unasked, ...foldRemark(graph, target)] };
  const { graph: prepared, answer } = prepare(graph);
  const remarks = [
    ...(answer === undefined ? [] : [`the ${answer} at the end is left out: what is written gives logits`]),
    ...unasked,
    ...otherWayOut(graph, refused),
  ];
  if (refused.length > 0) return { ...about, operators: operatorForms(prepared), remarks };
  const plan = planIntegers(prepared);
  const quantized = quantize(plan, assumedRanges(plan), target.scheme(settings));
  const inspection = { ...about, operators: operatorForms(prepared, plan.nodes), remarks };
  const placed = target.place?.(quantized, settings);
  if (placed === undefined) return inspection;
  const placement = { ...placed, onProcessor: placed.onProcessor.map(findingOf) };
  try {
    const estimates = await target.estimate?.(quantized, settings, compared);
    return { ...inspection, placement: { ...placement, ...(estimates && { estimates }) } };
  } catch (error) {
    if (isVelaAsked(settings) || !(error instanceof PeaError)) throw error;
    const remark = `no cycles: ${error.message}`;
    return { ...inspection, placement: { ...placement, remarks: [...placement.remarks, remark] } };
  }
}

/**
 * Refuses a network that a target does not take, before it is trained for hours.
 *
 * @param graph of the network as it will be deployed
 * @returns what is to be known of one that it takes, a line each
 * @throws PeaError of kind usage that names the modules that stand in the way (`TargetInspection.refused`), and the way out
 */
export function requireTaken(graph: Graph, target: Target): string[] {
  const { refused, remarks } = refusals(graph, target);
  if (refused.length === 0) return isIntegerTarget(target) ? [] : foldRemark(graph, target);
  const reasons = refused.map(({ reason }) => `- ${reason}`);
  throw new PeaError(
    [
      `${target.title} does not take this network, so that it is not trained:`,
      ...reasons,
      ...remarks,
      ...otherWayOut(graph, refused),
    ].join("\n"),
    { kind: "usage" },
  );
}

interface Refusals {
  readonly refused: readonly Finding[];
  /** Where something was not asked for, that it was not. */
  readonly remarks: readonly string[];
}

/** What a target does not take of a network: smooth activations, and with ReLU in their place what else stands in its way. */
function refusals(graph: Graph, target: Target, wishes: SchemeWishes = {}): Refusals {
  const smooth = smoothObstacles(graph).map(refusalOfSmooth);
  if (smooth.length === 0) return straightRefusals(graph, target, wishes);
  const straight = smoothToRelu(graph);
  if (smoothObstacles(straight).length > 0) return askedNoFurther(smooth, target);
  const { refused, remarks } = straightRefusals(straight, target, wishes);
  return { refused: [...smooth, ...refused], remarks };
}

/** Of a network without smooth activations: what has no integer form, else what the target itself refuses. */
function straightRefusals(graph: Graph, target: Target, wishes: SchemeWishes): Refusals {
  if (!isIntegerTarget(target)) return { refused: floatRefusals(graph, target), remarks: [] };
  const prepared = prepare(graph).graph;
  const without = integerObstacles(prepared);
  return without.length > 0
    ? askedNoFurther(without.map(findingOf), target)
    : { refused: integerRefusals(prepared, target, target.scheme(wishes)), remarks: [] };
}

const askedNoFurther = (refused: readonly Finding[], { title }: Target): Refusals => ({
  refused,
  remarks: [`what else ${title} does not take is told once these are gone`],
});

function integerRefusals(prepared: Graph, target: IntegerTarget, scheme: Scheme): Finding[] {
  try {
    return findingsOf(target.obstacles?.(prepared, scheme), () => target.obstacle(prepared, scheme));
  } catch (error) {
    // Scales that cannot be joined, and sums that are too large, are of the network rather than of one node.
    if (!(error instanceof PeaError)) throw error;
    return [{ path: "", operator: "", reason: error.message }];
  }
}

/** Batch norms are folded where that is what stands in the way. */
function floatRefusals(graph: Graph, target: FloatTarget): Finding[] {
  const refused = ownRefusals(graph, target);
  return refused.length > 0 && ownRefusals(foldBatchNorms(graph), target).length === 0 ? [] : refused;
}

const ownRefusals = (graph: Graph, target: FloatTarget): Finding[] =>
  findingsOf(target.obstacles?.(graph), () => target.obstacle(graph));

/** @param first asked where a target does not tell them all */
function findingsOf(obstacles: readonly Obstacle[] | undefined, first: () => string | null): Finding[] {
  if (obstacles !== undefined) return obstacles.map(findingOf);
  const reason = first();
  return reason === null ? [] : [{ path: "", operator: "", reason }];
}

const findingOf = ({ node: { path, operator }, reason }: Obstacle): Finding => ({ path, operator, reason });

/** Curves that stand where ReLU might, rather than in an attention or a norm. */
const curves: ReadonlySet<string> = new Set([
  ...["Elu", "Gelu", "HardSwish", "Mish", "Swish"],
  ...["Erf", "Sigmoid", "Softplus", "Tanh"],
]);

function refusalOfSmooth(obstacle: Obstacle): Finding {
  const { node, reason } = obstacle;
  const finding = findingOf(obstacle);
  const isCurve = node.opaque === undefined && curves.has(node.operator);
  return isCurve ? { ...finding, reason: `${reason}; put ReLU in its place` } : finding;
}

function foldRemark(graph: Graph, target: FloatTarget): string[] {
  const isNeeded = ownRefusals(graph, target).length > 0 && floatRefusals(graph, target).length === 0;
  return isNeeded
    ? ["with batch norms as a part of the weights before them: pea export --fold-batch-norms"]
    : [];
}

/** Floats, where integers are what it cannot have. */
function otherWayOut(graph: Graph, refused: readonly Finding[]): string[] {
  const isInFloats =
    refused.length > 0 &&
    floatRefusals(graph, onnxTarget).length === 0 &&
    smoothObstacles(graph).length === 0;
  return isInFloats ? [`in floats it can leave as ONNX (--target onnx)`] : [];
}
