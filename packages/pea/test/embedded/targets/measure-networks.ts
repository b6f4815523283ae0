/** Networks on chips: Vela's cycles with ReLU and with others in its place. */
import { manualSeed, scope } from "@pea/torch";
import { inspectForTarget } from "../../../src/export/inspect-target.ts";
import { createModel, findModel, inspectNetwork } from "../../../src/models/index.ts";
import type { NetworkRecord } from "./records.ts";

/** Those of the paper and those of MLPerf Tiny. */
export const networks: Readonly<Record<string, string>> = {
  "alexnet-bn": "paper",
  resnet18: "paper",
  resnet50: "paper",
  "mobilenet-0.25": "paper",
  erfnet: "paper",
  "erfnet-segmentation": "paper",
  resnet8: "MLPerf Tiny",
  "ds-cnn": "MLPerf Tiny",
  "mobilenet-vww": "MLPerf Tiny",
  autoencoder: "MLPerf Tiny",
};

const chips = [
  ["ethos-u55", 128],
  ["ethos-u65", 256],
  ["ethos-u85", 256],
] as const;

/** A network of the catalogue with the weights that training begins with, on each chip. */
export async function measureNetwork(network: string, vela: string): Promise<NetworkRecord[]> {
  const { inputShape: input } = findModel(network);
  const graph = scope(() => {
    manualSeed(1);
    return inspectNetwork(createModel(network), input).graph;
  });
  const records: NetworkRecord[] = [];
  for (const [chip, macs] of chips) {
    const { placement } = await inspectForTarget(graph, chip, { macs, vela });
    const { by = "", activations = [] } = placement?.estimates ?? {};
    const from = networks[network] ?? "";
    records.push({ kind: "network", network, from, input, device: `${chip}-${macs}`, by, activations });
  }
  return records;
}
