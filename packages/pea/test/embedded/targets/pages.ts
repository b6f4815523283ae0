/** The pages made of the records: docs/targets.md and results/targets/table.md. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ActivationEstimate } from "../../../src/export/target.ts";
import { activationTitles } from "../../../src/export/tflite/with-activation.ts";
import {
  type ActivationRecord,
  type NetworkRecord,
  type OperatorRecord,
  recordsOf,
  resultsFolder,
  type TargetRecord,
} from "./records.ts";

/** Where they lie. */
export const pagePaths = {
  targets: fileURLToPath(new URL("../../../../../docs/targets.md", import.meta.url)),
  table: `${resultsFolder}/table.md`,
};

export function writePages(records: readonly TargetRecord[]): void {
  writeFileSync(pagePaths.targets, targetsPage(records));
  writeFileSync(pagePaths.table, tablePage(records));
}

/** What another activation costs on the NPU, in ReLU's cycles. */
interface Ratio {
  readonly network: string;
  readonly device: string;
  readonly activation: string;
  readonly ratio: number;
}

/** The figures that other pages tell, in the words in which they tell them. */
export function claims(
  records: readonly TargetRecord[],
): Record<"smooth" | "gelu" | "mish" | "alone", string> {
  const ratios = ratiosOf(recordsOf(records, "network"));
  const of = (...titles: string[]) => ratios.filter(({ activation }) => titles.includes(activation));
  const { hardswish, gelu, swish, mish, "relu-alone": alone } = activationTitles;
  const geluAt = new Map(of(gelu).map((each) => [`${each.network} ${each.device}`, each.ratio]));
  const dearer = of(alone).filter(
    ({ network, device, ratio }) => ratio > (geluAt.get(`${network} ${device}`) ?? Number.NaN),
  );
  return {
    smooth: `${span(of(hardswish, gelu, swish, mish))} times`,
    gelu: `${span(of(gelu))} times`,
    mish: `${span(of(mish))} times`,
    alone: `${dearer.length} of ${of(alone).length}`,
  };
}

/** docs/targets.md. */
export function targetsPage(records: readonly TargetRecord[]): string {
  const networks = recordsOf(records, "network");
  const { smooth, alone } = claims(records);
  return [
    "# Targets",
    "",
    "What the targets of `pea export` take, who has verified it, and what activations cost there. `npm run targets` makes this",
    "page from what it finds out with the tools themselves, and keeps the figures in",
    "[results/targets](../results/targets/results.jsonl); a test holds the page to them. Do not edit it.",
    "",
    "## Before you train",
    "",
    "```sh",
    "npx pea-train inspect mobilenet-0.25 --target ethos-u55     # your network, run or ONNX file; --json",
    "npx pea-train train --model mobilenet-0.25 --target ethos-u55 …     # ends at once where the target does not take it",
    "```",
    "",
    "The first tells each form of operator, what is refused and why, by module, what is left to the processor, and, where Vela is",
    "installed, cycles as below, or for another system configuration and memory mode (`--system-config`, `--memory-mode`, names of",
    "Vela's `Arm/vela.ini`). It needs neither weights nor data: no placement depends on them. Of n values in a network the k-th is",
    "taken to go from −(1 + k/n), or 0 behind ReLU, to 1 + k/n. Vela gives the same NPU cycles for ranges of images. The second begins",
    "with what falls to the processor, and the cycles with ReLU and with the activation that the recipe trains with.",
    "",
    "## Versions",
    "",
    ...recordsOf(records, "versions").flatMap(({ versions }) =>
      table(["package", "version"], Object.entries(versions)),
    ),
    "",
    "## Activations",
    "",
    "In int8. In the runtimes: whether they run a convolution with it. On the NPU: least and most cycles in ReLU's, over the networks",
    `below; ${onTheNpu(networks)}.`,
    "",
    ...activationTable(recordsOf(records, "activation"), networks),
    "",
    `HardSwish, GELU, Swish and Mish take ${smooth} ReLU's cycles on the NPU, and ReLU is never dearer. That holds for ReLU as a part of the`,
    `operator before it, as \`pea export\` writes it: as an operator of its own it takes more cycles than GELU in ${alone} cases.`,
    "",
    "## Networks",
    "",
    "NPU cycles with ReLU, and those with others in its place relative to it; in brackets the time of an inference, memory included,",
    "relative to ReLU's. Weights are those that training begins with. These are Vela's estimates, not measured on a chip.",
    "",
    ...networkTables(networks, "###"),
    "",
    "## Operators",
    "",
    "Each by itself, in int8, as tests have it. LiteRT (its reference kernels) and LiteRT for Microcontrollers: whether they give the",
    "interpreter's bytes, in the form for NPUs too. NPU: whether Vela places it, on U55 (128), U65 (256) and U85 (256). ONNX Runtime:",
    "what it computes in floats of the same in `onnx-int8` (uint8), which may be otherwise between other operators.",
    "",
    ...operatorTable(recordsOf(records, "operator")),
    "",
    "### Not written",
    "",
    "Of these another form is written, since the runtimes do not give the same bytes of them, or not the interpreter's. Their answers,",
    "beside the interpreter's bytes for the layer:",
    "",
    ...table(
      ["operator", "in its place", "LiteRT", "Micro"],
      recordsOf(records, "unwritten").map(({ name, written, litert, micro }) => [
        name,
        written.join(", "),
        litert,
        micro,
      ]),
    ),
    "",
  ].join("\n");
}

/** results/targets/table.md. */
export function tablePage(records: readonly TargetRecord[]): string {
  const [{ versions } = { versions: {} }] = recordsOf(records, "versions");
  const networks = recordsOf(records, "network");
  return [
    "# Cycles on Arm's Ethos-U",
    "",
    "NPU cycles with ReLU, and those with others in its place relative to it; in brackets the time of an inference, memory included,",
    `relative to ReLU's, in int8; ${onTheNpu(networks)}. Estimated by Vela:`,
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "",
    ...networkTables(networks, "##"),
    "",
  ].join("\n");
}

const titles = Object.values(activationTitles);

/** Whether the networks, each with each activation, run on the NPU alone. */
function onTheNpu(networks: readonly NetworkRecord[]): string {
  const estimates = networks.flatMap(({ activations }) => activations);
  const beside = estimates.filter((estimate) => costOf(estimate)?.cpuOperators !== 0).length;
  return beside === 0
    ? "all networks run on the NPU without the processor"
    : `${beside} of ${estimates.length} files are refused or leave operators to the processor, as the networks' tables tell`;
}

function activationTable(records: readonly ActivationRecord[], networks: readonly NetworkRecord[]): string[] {
  const devices = devicesOf(networks);
  const ratios = ratiosOf(networks);
  return table(
    ["activation", "LiteRT", "LiteRT for Microcontrollers", ...devices],
    records.map(({ activation, litert, micro }) => [
      activation,
      litert,
      micro,
      ...devices.map((device) =>
        activation === activationTitles.relu
          ? "1"
          : span(ratios.filter((each) => each.activation === activation && each.device === device)),
      ),
    ]),
  );
}

function networkTables(networks: readonly NetworkRecord[], heading: string): string[] {
  return devicesOf(networks).flatMap((device, place) => {
    const on = networks.filter((record) => record.device === device);
    const circumstances = [...new Set(on.map(({ by }) => by))].join("; ");
    return [
      ...(place === 0 ? [] : [""]),
      `${heading} ${device}`,
      "",
      `${circumstances}.`,
      "",
      ...table(["network", "input", ...titles], on.map(networkCells)),
    ];
  });
}

function networkCells({ network, from, input, activations }: NetworkRecord): string[] {
  const relu = withTitle(activations, activationTitles.relu);
  return [
    `${network} (${from})`,
    input.join("×"),
    ...titles.map((title) => {
      const estimate = withTitle(activations, title);
      const cost = costOf(estimate);
      const own = costOf(relu);
      if (cost === undefined || own === undefined) return "refused";
      const left = cost.cpuOperators === 0 ? "" : `, ${cost.cpuOperators} operators on the processor`;
      return estimate === relu
        ? `${grouped(cost.npuCycles)} (${cost.milliseconds.toFixed(2)} ms)${left}`
        : `${times(cost.npuCycles / own.npuCycles)} (${times(cost.milliseconds / own.milliseconds)})${left}`;
    }),
  ];
}

function operatorTable(records: readonly OperatorRecord[]): string[] {
  return table(
    ["operator", "as", "for NPUs", "LiteRT", "Micro", "U55", "U65", "U85", "ONNX Runtime"],
    records.map(({ name, written, rewrite, litert, micro, npu, onnxRuntime }) => [
      name,
      written.join(", "),
      rewrite ?? "",
      litert,
      micro,
      npu["ethos-u55"],
      npu["ethos-u65"],
      npu["ethos-u85"],
      onnxRuntime,
    ]),
  );
}

const devicesOf = (networks: readonly NetworkRecord[]) => [...new Set(networks.map(({ device }) => device))];

function ratiosOf(networks: readonly NetworkRecord[]): Ratio[] {
  return networks.flatMap(({ network, device, activations }) => {
    const relu = withTitle(activations, activationTitles.relu);
    const own = costOf(relu);
    return activations.flatMap((estimate) => {
      if (estimate === relu) return [];
      const cost = costOf(estimate);
      if (cost === undefined || own === undefined) return [];
      const { activation } = estimate;
      return [{ network, device, activation, ratio: cost.npuCycles / own.npuCycles }];
    });
  });
}

function withTitle(activations: readonly ActivationEstimate[], title: string) {
  return activations.find(({ activation }) => activation === title);
}

function costOf(estimate: ActivationEstimate | undefined) {
  return estimate && "npuCycles" in estimate.cost ? estimate.cost : undefined;
}

/** `1.00 to 7.20`; `–` of none. */
function span(ratios: readonly Ratio[]): string {
  if (ratios.length === 0) return "–";
  const all = ratios.map(({ ratio }) => ratio);
  return `${times(Math.min(...all))} to ${times(Math.max(...all))}`;
}

const times = (ratio: number): string => ratio.toFixed(2);
const grouped = (count: number): string => Math.round(count).toLocaleString("en-US");

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)];
}
