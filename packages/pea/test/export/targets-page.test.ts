import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { networks } from "../embedded/targets/measure-networks.ts";
import { claims, pagePaths, tablePage, targetsPage } from "../embedded/targets/pages.ts";
import { type NetworkRecord, readRecords, recordsOf } from "../embedded/targets/records.ts";
import { singleOperators } from "../support/quantized-cases.ts";

const records = readRecords();
const read = (path: string) => readFileSync(path, "utf8");
const inRoot = (path: string) => read(fileURLToPath(new URL(`../../../../${path}`, import.meta.url)));

describe("the pages of targets", () => {
  test("are what the pipeline makes of its record", () => {
    assert.equal(read(pagePaths.targets), targetsPage(records));
    assert.equal(read(pagePaths.table), tablePage(records));
  });

  test("tell other pages' figures: README.md, results/README.md", () => {
    const { smooth, gelu, mish, alone } = claims(records);
    for (const page of ["README.md", "results/README.md"])
      for (const figure of [smooth, gelu, mish, alone])
        assert.ok(inRoot(page).replaceAll(/\s+/g, " ").includes(figure), `${page} lacks "${figure}"`);
  });
});

describe("the record", () => {
  test("has every operator that tests have, verified to the byte in both runtimes", () => {
    const operators = recordsOf(records, "operator");
    const names = operators.map(({ name }) => name);
    assert.deepEqual(
      Object.keys(singleOperators).filter((name) => !names.includes(name)),
      [],
    );
    for (const { name, litert, micro } of operators)
      assert.deepEqual([litert, micro], ["same bytes", "same bytes"], name);
  });

  test("has the networks of the paper and of MLPerf Tiny on three chips, all of each on the NPU", () => {
    const found = recordsOf(records, "network");
    assert.deepEqual(
      found.map(({ network, device }) => `${network} ${device}`),
      Object.keys(networks).flatMap((network) =>
        ["ethos-u55-128", "ethos-u65-256", "ethos-u85-256"].map((device) => `${network} ${device}`),
      ),
    );
    for (const { activations, by } of found) {
      assert.match(by, /^Vela \d+\.\d+\.\d+ for Ethos_U\d+_\d+, \w+, \w+$/);
      for (const { cost } of activations) assert.equal("cpuOperators" in cost && cost.cpuOperators, 0);
    }
  });
});

test("no activation takes fewer cycles than ReLU; GELU and HardSwish on a U85 no more, as README.md says", () => {
  const cyclesOf = ({ activations }: NetworkRecord) =>
    activations.map(({ cost }) => ("npuCycles" in cost ? cost.npuCycles : Number.NaN));
  for (const record of recordsOf(records, "network")) {
    const [relu = 0, , hardswish = 0, gelu = 0] = cyclesOf(record);
    for (const cycles of cyclesOf(record)) assert.ok(cycles >= relu, `${record.network} ${record.device}`);
    if (!record.device.startsWith("ethos-u85")) continue;
    for (const cycles of [hardswish, gelu]) assert.ok(cycles <= 1.005 * relu, record.network);
  }
});

describe("ratios", () => {
  const record = (device: string, ...cycles: number[]) => recordOn(device, cycles);
  const recordOn = (device: string, cycles: readonly number[], cpuOperators = 0): NetworkRecord => ({
    kind: "network",
    network: "net",
    from: "paper",
    input: [1, 2, 2],
    device,
    by: "Vela",
    activations: [
      "ReLU",
      "ReLU as an operator of its own",
      "HardSwish",
      "GELU",
      "Swish (LOGISTIC, MUL)",
      "Mish (EXP, ADD, LOG, TANH, MUL)",
    ].map((activation, place) => ({
      activation,
      cost: {
        npuCycles: cycles[place] ?? 0,
        totalCycles: 0,
        milliseconds: place + 1,
        npuOperators: 1,
        cpuOperators,
      },
    })),
  });

  test("are of files that run on the NPU alone, or the pages tell how many do not", () => {
    const alone = recordOn("a", [1, 1, 1, 1, 1, 1]);
    const beside = recordOn("b", [1, 1, 1, 1, 1, 1], 2);
    for (const page of [targetsPage, tablePage]) {
      assert.match(page([alone]), /; all networks run on the NPU without the processor\./);
      assert.match(
        page([alone, beside]),
        /; 6 of 12 files are refused or leave operators to the processor, as the/,
      );
    }
  });

  test("of an activation that is always refused are none, and ReLU's need not stand first", () => {
    const { activations, ...rest } = record("a", 100, 150, 110, 120, 200, 300);
    const refused = activations.map((each) =>
      each.activation === "GELU" ? { ...each, cost: { refused: "no GELU" } } : each,
    );
    const made = [{ ...rest, activations: refused.toReversed() }];
    assert.deepEqual(claims(made), {
      smooth: "1.10 to 3.00 times",
      gelu: "– times",
      mish: "3.00 to 3.00 times",
      alone: "0 of 1",
    });
    const gelu = { kind: "activation", activation: "GELU", litert: "runs", micro: "runs" } as const;
    assert.match(targetsPage([gelu, ...made]), /\n\| GELU \| runs \| runs \| – \|\n/);
  });

  test("are cycles over ReLU's, their spans from the least to the most", () => {
    const made = [record("a", 100, 150, 110, 120, 200, 300), record("b", 200, 210, 220, 230, 500, 1000)];
    assert.deepEqual(claims(made), {
      smooth: "1.10 to 5.00 times",
      gelu: "1.15 to 1.20 times",
      mish: "3.00 to 5.00 times",
      alone: "1 of 2",
    });
    assert.match(
      tablePage(made),
      /\n\| net \(paper\) \| 1×2×2 \| 100 \(1\.00 ms\) \| 1\.50 \(2\.00\) \| 1\.10 \(3\.00\) \|/,
    );
  });
});
