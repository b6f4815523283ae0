/**
 * The paper's Tables 2 to 6, with its figures, with those of a study, or with both where the data set is the same.
 *
 * @module
 */
import { PeaError, smoothActivations } from "@pea/core";
import { groupBy } from "../compare/group-by.ts";
import type { Result } from "../compare/results.ts";
import {
  type Entry,
  entriesOf,
  type Figure,
  groupResults,
  isUpperLimit,
  paperEntries,
  type ResultGroup,
  type Source,
  type TableNumber,
  variantOf,
} from "../compare/table-figures.ts";
import { findDataset } from "../data/sets/registry.ts";
import { baselineName } from "../methods/variant-name.ts";
import { isFinished, type StudyPlan } from "../study/study-file.ts";
import type { Table } from "./layout.ts";
import { notesOn, notesOnSkipped } from "./table-notes.ts";

const networkTitles: Readonly<Record<string, string>> = {
  "alexnet-bn": "AlexNet-BN",
  resnet18: "ResNet-18",
  resnet50: "ResNet-50",
  erfnet: "ERFNet",
  "mobilenet-0.25": "MobileNet-0.25",
};

const sourceTitles: Readonly<Record<Source, string>> = {
  paper: "paper",
  best: "here, best",
  last: "here, last",
};

/**
 * Lays a table of the paper out.
 *
 * @param results of a study; without them the paper's figures stand alone
 * @param plan of the study, where it is known: before all its runs are there nothing is concluded
 * @returns one table for each data set (Table 6: each network and data set) of the study that has runs for it
 * @throws PeaError (usage) when the results hold none for this table
 */
export function paperTable(
  number: TableNumber,
  results: readonly Result[] | null = null,
  plan: StudyPlan | null = null,
): Table[] {
  if (results === null) return [layOut(number, paperDataset(number), paperEntries(number))];
  const groups = groupResults(results);
  const fitting = groups.filter((group) => belongs(number, group));
  if (fitting.length === 0) {
    const held = groups.map(({ dataset, network }) => `${network} on ${dataset}`).join(", ");
    throw new PeaError(
      `no run for Table ${number}, which takes ${contents[number]}; the results hold ${held}`,
      {
        kind: "usage",
      },
    );
  }
  const parts = groupBy(fitting, ({ dataset, network }) =>
    number === 6 ? `${dataset}\n${network}` : dataset,
  );
  return [...parts.values()].map((part) => {
    const { dataset } = part[0] as ResultGroup;
    const table = layOut(number, dataset, besidePaper(number, dataset, part, plan));
    return { ...table, notes: [...table.notes, ...notesOnSkipped(part.flatMap(({ results }) => results))] };
  });
}

/** What belongs in a table, in words. */
const contents: Readonly<Record<TableNumber, string>> = {
  2: "classifiers with the stochastic ensemble (variants such as SM90 or SM75%)",
  3: "classifiers with the weighted ensemble (variants such as WG90 or WG75%)",
  4: "classifiers with PEA or a smooth activation all along",
  5: "ResNet-50 with PEA, and ReLU on the same seeds",
  6: "segmentation, scored by mIoU",
};

function belongs(number: TableNumber, { network, metric, results }: ResultGroup): boolean {
  const some = (test: (variant: string) => boolean) => results.some(({ variant }) => test(variant));
  if (metric !== (number === 6 ? "miou" : "top1")) return false;
  switch (number) {
    case 2:
      return some((variant) => variantOf(variant)?.ensemble === "stochastic");
    case 3:
      return some((variant) => variantOf(variant)?.ensemble === "weighted");
    case 4:
      return some((variant) => variantOf(variant) !== null || isUpperLimit(variant));
    case 5: {
      const seeds = new Set(results.flatMap(({ variant, seed }) => (variant === baselineName ? seed : [])));
      const hasPartner = ({ variant, seed }: Result) => variantOf(variant) !== null && seeds.has(seed);
      return isResNet50(network) && results.some(hasPartner);
    }
    case 6:
      return true;
  }
}

const isResNet50 = (network: string): boolean => /^resnet50(-|$)/.test(network);

const paperDataset = (number: TableNumber): string => (number === 6 ? "cityscapes" : "imagenet");

/** Ours, each network after the paper's of the same name where the data set is the paper's. */
function besidePaper(
  number: TableNumber,
  dataset: string,
  groups: readonly ResultGroup[],
  plan: StudyPlan | null,
): Entry[] {
  const ours = groups.flatMap((group) => {
    const options = { gains: number === 5, isFinished: isFinished(plan, group.results.length) };
    return entriesOf(group, options);
  });
  if (dataset !== paperDataset(number)) return ours;
  const isSame = (network: string, paper: string) =>
    number === 6 ? network.startsWith(paper) : network === paper;
  const paper = paperEntries(number);
  const others = ours.filter(({ network }) => !paper.some((entry) => isSame(network, entry.network)));
  // Table 6 is of one network: the paper's figures stand beside that one only.
  if (number === 6 && others.length > 0) return others;
  return [
    ...paper.flatMap((entry) => [entry, ...ours.filter(({ network }) => isSame(network, entry.network))]),
    ...others,
  ];
}

/** The paper's ImageNet is a data set of no single format. */
const titleOfDataset = (name: string): string =>
  name === "imagenet" ? "ImageNet" : (findDataset(name)?.title ?? name);

function layOut(number: TableNumber, dataset: string, entries: readonly Entry[]): Table {
  const layout = layouts[number](entries);
  const where = titleOfDataset(dataset);
  const hasSources = entries.some(({ source }) => source !== "paper");
  const table = {
    number,
    dataset,
    caption: `Table ${number}: ${captions[number](where, entries)}`,
    gains: number === 5,
    named: number === 4 || number === 6,
    ...layout,
  };
  // In Table 6 the sources are columns.
  if (!hasSources && number !== 6) {
    table.stubs = table.stubs.slice(0, 1);
    table.rows = table.rows.map((row) => ({ ...row, stubs: row.stubs.slice(0, 1) }));
  }
  return { ...table, notes: notesOn(table) };
}

const captions: Readonly<Record<TableNumber, (dataset: string, entries: readonly Entry[]) => string>> = {
  2: (dataset) => `top-1 accuracy in percent on ${dataset} with the stochastic variant of PEA`,
  3: (dataset) => `top-1 accuracy in percent on ${dataset} with the weighted variant of PEA`,
  4: (dataset) => `top-1 accuracy in percent on ${dataset}: ReLU, ReLU with PEA and the upper limit`,
  5: (dataset) => `gain of PEA over ReLU in points of top-1 accuracy, ResNet-50 on ${dataset}`,
  6: (dataset, entries) => {
    const { network } = entries.at(-1) as Entry;
    return `mIoU in percent on ${dataset}, ${titleOf(network)}: ReLU, ReLU with PEA and the upper limit`;
  },
};

type Layout = Pick<Table, "stubs" | "columns" | "rows">;

const layouts: Readonly<Record<TableNumber, (entries: readonly Entry[]) => Layout>> = {
  2: (entries) => byTransition("S", entries),
  3: (entries) => byTransition("W", entries),
  4: (entries) => ({
    stubs: ["Network", "Source"],
    columns: [{ title: "ReLU" }, { title: "ReLU PEA" }, { title: "Upper limit" }],
    rows: entries.map((entry) => ({
      stubs: stubsOf(entry),
      cells: [baselineOf(entry), bestPea(entry), bestSmooth(entry)],
    })),
  }),
  5: (entries) => {
    const transitions = transitionsOf(entries, ["W", "S"]);
    return {
      stubs: ["Method", "Source"],
      columns: transitions.map(({ column }) => column),
      rows: (["W", "S"] as const)
        .flatMap((letter) =>
          entries.map((entry) => ({
            stubs: [letter === "W" ? "Weighted" : "Stochastic", sourceTitles[entry.source]],
            cells: transitions.map(({ code }) => entry.figures.get(letter + code) ?? null),
          })),
        )
        .filter(({ cells }) => cells.some((figure) => figure !== null)),
    };
  },
  6: (entries) => ({
    stubs: ["Network"],
    columns: entries.map(({ source }) => ({ group: "mIoU", title: sourceTitles[source] })),
    rows: [
      { stubs: ["ReLU baseline"], cells: entries.map(baselineOf) },
      { stubs: ["ReLU with PEA"], cells: entries.map(bestPea) },
      { stubs: ["Upper limit"], cells: entries.map(bestSmooth) },
    ],
  }),
};

/** Tables 2 and 3: the baseline, and a column for each smooth activation and end of the transition. */
function byTransition(letter: "S" | "W", entries: readonly Entry[]): Layout {
  const transitions = transitionsOf(entries, [letter]);
  return {
    stubs: ["Network", "Source"],
    columns: [{ title: "Baseline" }, ...transitions.map(({ column }) => column)],
    rows: entries.map((entry) => ({
      stubs: stubsOf(entry),
      cells: [baselineOf(entry), ...transitions.map(({ code }) => entry.figures.get(letter + code) ?? null)],
    })),
  };
}

/** The columns that the variants with these first letters need: the code's rest, and its heading. */
function transitionsOf(entries: readonly Entry[], letters: readonly string[]) {
  const codes = new Set(
    entries
      .flatMap(({ figures }) => [...figures.keys()])
      .filter((variant) => variantOf(variant) !== null && letters.includes(variant.charAt(0)))
      .map((variant) => variant.slice(1)),
  );
  return smoothActivations().flatMap(({ letter, title }) =>
    [...codes]
      .filter((code) => code.startsWith(letter))
      .sort((a, b) => compareEnds(a.slice(1), b.slice(1)))
      .map((code) => ({ code, column: { group: `PEA-${title}`, title: code.slice(1) } })),
  );
}

/** As in the paper, the longer transition first; ends in epochs before shares. */
function compareEnds(a: string, b: string): number {
  return Number(a.endsWith("%")) - Number(b.endsWith("%")) || Number.parseFloat(b) - Number.parseFloat(a);
}

const titleOf = (network: string): string => networkTitles[network] ?? network;

const stubsOf = ({ network, source }: Entry): string[] => [titleOf(network), sourceTitles[source]];

const baselineOf = ({ figures }: Entry): Figure | null => figures.get(baselineName) ?? null;

const bestPea = (entry: Entry): Figure | null => highest(entry, (variant) => variantOf(variant) !== null);

const bestSmooth = (entry: Entry): Figure | null => highest(entry, isUpperLimit);

function highest({ figures }: Entry, belongs: (variant: string) => boolean): Figure | null {
  const candidates = [...figures.values()].filter(({ variant }) => belongs(variant));
  return candidates.reduce<Figure | null>(
    (best, figure) => (best && best.mean >= figure.mean ? best : figure),
    null,
  );
}
