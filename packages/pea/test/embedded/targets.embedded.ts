import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { manualSeed, setNumThreads } from "@pea/torch";
import { forNpu } from "../../src/export/ethos-u/ethos-u-target.ts";
import { inspectForTarget } from "../../src/export/inspect-target.ts";
import { writeTflite } from "../../src/export/tflite/write-tflite.ts";
import { inspectNetwork } from "../../src/models/index.ts";
import { knownNetworks, quantizedNetwork } from "../support/quantized-networks.ts";
import { measureNetwork } from "./targets/measure-networks.ts";
import { measureActivations, measureOperators } from "./targets/measure-operators.ts";
import { measureUnwritten } from "./targets/measure-unwritten.ts";
import { readRecords, recordsOf } from "./targets/records.ts";

setNumThreads(1);
const vela = process.env.PEA_VELA ?? "vela";

describe("the record of targets is what the tools say", () => {
  test("operators and activations", async () => {
    assert.deepEqual(recordsOf(readRecords(), "operator"), await measureOperators(vela));
    assert.deepEqual(recordsOf(readRecords(), "unwritten"), measureUnwritten());
    assert.deepEqual(recordsOf(readRecords(), "activation"), measureActivations());
  });

  for (const network of ["resnet8", "ds-cnn"])
    test(network, async () => {
      const known = recordsOf(readRecords(), "network").filter((record) => record.network === network);
      assert.deepEqual(known, await measureNetwork(network, vela));
    });
});

describe("cycles before training are those of Vela's own table for the exported network, with ranges of images", () => {
  for (const network of knownNetworks.filter(({ name }) => ["resnet8", "mobilenet-vww"].includes(name)))
    test(network.name, async () => {
      const graph = await quantizedNetwork(network, 3);
      const folder = mkdtempSync(join(tmpdir(), "pea-cycles-"));
      try {
        const file = join(folder, "model.tflite");
        writeFileSync(file, writeTflite(forNpu(graph).graph));
        execFileSync(vela, [file, "--accelerator-config", "ethos-u55-128", "--output-dir", folder], {
          stdio: "ignore",
        });
        const csv = readdirSync(folder).find((name) => name.endsWith(".csv")) ?? "";
        const [names = [], values = []] = readFileSync(join(folder, csv), "utf8")
          .trim()
          .split("\n")
          .map((line) => line.split(","));
        manualSeed(3);
        const traced = inspectNetwork(network.create(), network.shape).graph;
        const { placement } = await inspectForTarget(traced, "ethos-u55", { vela });
        const [relu] = placement?.estimates?.activations ?? [];
        assert.equal(
          relu && "npuCycles" in relu.cost && relu.cost.npuCycles,
          Number(values[names.indexOf("cycles_npu")]),
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
});
