/**
 * The command line of the benchmark.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { PeaError } from "@pea/core";

export interface BenchOptions {
  quick: boolean;
  check: boolean;
  json: boolean;
  resume: boolean;
  filter: RegExp | null;
  peers: "debian" | "all";
}

export const USAGE = `Usage: npm run bench -- [options]

Times this project and PyTorch in alternation. A run of everything writes bench/results.json and the tables in
docs/performance.md after each group; a quick or filtered one only prints.

  --quick            the most telling cases with few rounds, under 4 minutes on 2 cores
  --check            exit with 1 when a goal is missed
  --filter <regexp>  groups by name, e.g. "step/resnet18/", "operator", "memory"
  --peers all        also libtorch 2 on this side, PyTorch 2 and torch.compile on the other (default: debian)
  --resume           go on with a run of everything that was interrupted, on the same machine with the same code
  --json             print the results as JSON instead of tables
`;

/** @throws PeaError (usage) for an option that does not exist or a value it cannot have */
export function parseOptions(args: readonly string[]): BenchOptions {
  try {
    return parse(args);
  } catch (error) {
    throw new PeaError(`${(error as Error).message}; see npm run bench -- --help`, { kind: "usage" });
  }
}

function parse(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      resume: { type: "boolean", default: false },
      filter: { type: "string" },
      peers: { type: "string", default: "debian" },
    },
  });
  const { filter, peers, ...switches } = values;
  if (peers !== "debian" && peers !== "all") throw new Error(`--peers is debian or all, not ${peers}`);
  if (switches.resume && (switches.quick || filter !== undefined))
    throw new Error("--resume goes on with a run of everything, without --quick and --filter");
  return { ...switches, peers, filter: filter === undefined ? null : new RegExp(filter) };
}
