/** What `pea inspect --target` says of a network on a target. */
import { type Graph, smoothObstacles, smoothToRelu } from "@pea/graph";
import {
  type Finding,
  type InspectionSettings,
  inspectForTarget,
  type TargetInspection,
} from "../export/inspect-target.ts";
import { loadTarget } from "../export/load-target.ts";
import type { OperatorForm } from "../export/operator-forms.ts";
import type { ActivationEstimate, Estimates } from "../export/target.ts";
import { activationTitles } from "../export/tflite/with-activation.ts";
import { formatTable } from "../terminal/output.ts";

/**
 * Asks a target about a network with ReLU in the place of smooth activations.
 *
 * @param word of the target, or a module that registers one
 */
export async function askTarget(
  graph: Graph,
  word: string,
  settings: InspectionSettings,
): Promise<TargetInspection> {
  const name = await loadTarget(word);
  const deployed = smoothToRelu(graph);
  const swapped = smoothObstacles(graph).length - smoothObstacles(deployed).length;
  const inspection = await inspectForTarget(deployed, name, settings);
  const activations = swapped === 1 ? "smooth activation" : `${swapped} smooth activations`;
  const remark = `with ReLU in the place of its ${activations}, as PEA deploys it (e.g. --pea WO75%)`;
  return swapped === 0 ? inspection : { ...inspection, remarks: [remark, ...inspection.remarks] };
}

/** In lines for people. */
export function describeInspection(inspection: TargetInspection): string[] {
  const { title, refused, operators, remarks, placement } = inspection;
  const left = placement?.onProcessor ?? [];
  return [
    refused.length === 0 ? `${title} takes this network` : `${title} does not take this network:`,
    ...refused.map(({ reason }) => `- ${reason}`),
    ...remarks,
    "",
    operatorTable(operators, refused, left),
    ...(placement === undefined ? [] : ["", ...describePlacement(placement)]),
  ];
}

function operatorTable(
  operators: readonly OperatorForm[],
  refused: readonly Finding[],
  left: readonly Finding[],
): string {
  const share = (findings: readonly Finding[], { operator, paths }: OperatorForm, words: string) => {
    const found = findings.filter((finding) => finding.operator === operator && paths.includes(finding.path));
    if (found.length === 0) return null;
    return found.length >= paths.length ? words : `${found.length} of them ${words}`;
  };
  // Of a network that is refused the other operators may not have been asked for.
  const answerOf = (form: OperatorForm) =>
    share(refused, form, "refused") ??
    (refused.length > 0 ? "" : (share(left, form, "on the processor") ?? "taken"));
  return formatTable(
    ["operator", "kernel", "stride", "dilation", "groups", "with", "count", ""],
    operators.map((form) => [
      form.operator,
      times(form.kernel),
      times(form.strides),
      times(form.dilations),
      form.groups ?? "",
      form.activation ?? "",
      form.paths.length,
      answerOf(form),
    ]),
  );
}

const times = (sizes: readonly number[] = []): string => sizes.join("×");

/** Where a chip runs a network, and what that costs. */
export function describePlacement({
  device,
  onProcessor,
  remarks,
  estimates,
}: NonNullable<TargetInspection["placement"]>): string[] {
  return [
    onProcessor.length === 0
      ? `${device} runs every operator, as far as our table tells`
      : `${device} leaves to the processor, as far as our table tells:`,
    ...onProcessor.map(({ reason }) => `- ${reason}`),
    ...remarks,
    ...(estimates === undefined ? [] : describeEstimates(estimates)),
  ];
}

function describeEstimates({ by, activations }: Estimates): string[] {
  const relu = activations.find(({ activation }) => activation === activationTitles.relu);
  return [
    "",
    activations.length > 1
      ? `estimated by ${by},\nwith other activations in ReLU's place for comparison:`
      : `estimated by ${by}:`,
    "",
    formatTable(
      ["activation", "NPU cycles", "of ReLU's", "with memory", "ms", "operators on the NPU"],
      activations.map((estimate) => estimateCells(estimate, relu)),
    ),
  ];
}

function estimateCells(
  { activation, cost }: ActivationEstimate,
  relu: ActivationEstimate | undefined,
): (string | number)[] {
  if ("refused" in cost) return [activation, "–", "–", "–", "–", cost.refused];
  const { npuCycles, totalCycles, milliseconds, npuOperators, cpuOperators } = cost;
  const ratio = relu && "npuCycles" in relu.cost ? (npuCycles / relu.cost.npuCycles).toFixed(2) : "–";
  return [
    activation,
    Math.round(npuCycles),
    ratio,
    Math.round(totalCycles),
    milliseconds.toFixed(3),
    `${npuOperators} of ${npuOperators + cpuOperators}`,
  ];
}
