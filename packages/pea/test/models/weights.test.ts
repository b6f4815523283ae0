import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type Module,
  manualSeed,
  noGrad,
  readSafetensors,
  scope,
  setNumThreads,
  writeSafetensors,
} from "@pea/torch";
import { createModel } from "../../src/models/index.ts";
import { goldenInput } from "./golden-fill.ts";

/** Narrow, so that the files are small; the keys do not depend on the width. */
const networks = [
  { network: "alexnet-bn", options: { width: 0.125 }, image: [3, 224, 224], classes: 10 },
  { network: "resnet18", options: { width: 0.25 }, image: [3, 64, 64], classes: 10 },
  { network: "resnet50", options: { width: 0.25 }, image: [3, 64, 64], classes: 10 },
  { network: "mobilenet", options: { width: 0.25 }, image: [3, 64, 64], classes: 10 },
  { network: "mobilenet-vww", options: {}, image: [3, 96, 96], classes: 2 },
  { network: "resnet8", options: {}, image: [3, 32, 32], classes: 10 },
  { network: "ds-cnn", options: {}, image: [1, 49, 10], classes: 12 },
  { network: "autoencoder", options: {}, image: [640, 1, 1], classes: 640 },
  { network: "erfnet", options: { width: 0.5 }, image: [3, 64, 64], classes: 10 },
  { network: "erfnet-segmentation", options: { width: 0.5 }, image: [3, 64, 64], classes: 5 },
] as const;

type Network = (typeof networks)[number];

/** ‖difference‖ / ‖output‖: batch norm folds its factors in another order here. */
const tolerance = 1e-5;

describe("weights exchanged with PyTorch as safetensors, by key", () => {
  const folder = mkdtempSync(join(tmpdir(), "pea-weights-"));
  const file = ({ network }: Network, kind: string) => join(folder, `${network}.${kind}.safetensors`);
  const outputsHere = new Map<string, Float32Array>();

  before(() => {
    setNumThreads(1);
    for (const network of networks) {
      manualSeed(2);
      const model = create(network);
      scope(() => noGrad(() => model.forward(goldenInput([4, ...network.image], { dtype: "float32" }))));
      writeSafetensors(file(network, "here"), model.stateDict());
      outputsHere.set(network.network, output(model, network));
      model.dispose();
    }
    const script = fileURLToPath(new URL("../oracle/weights.py", import.meta.url));
    const cases = networks.map((network) => ({ ...network, name: network.network }));
    execFileSync("/usr/bin/python3", ["-B", script, JSON.stringify(cases), folder]);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const network of networks) {
    test(`${network.network}: PyTorch loads what is saved here, and computes the same`, () => {
      assertClose(outputsHere.get(network.network) as Float32Array, outputIn(file(network, "here.output")));
    });

    test(`${network.network}: what PyTorch saved loads here, and computes the same`, () => {
      const { tensors } = readSafetensors(file(network, "pytorch"));
      const model = create(network);
      assert.deepEqual([...tensors.keys()].sort(), [...model.stateDict().keys()].sort());
      assert.deepEqual(model.loadStateDict(tensors), { missing: [], unexpected: [] });
      assertClose(output(model, network), outputIn(file(network, "pytorch.output")));
      model.dispose();
    });
  }
});

function create({ network, options, image, classes }: Network): Module {
  return createModel(network, { ...options, classes, inputChannels: image[0] });
}

function output(model: Module, { image }: Network): Float32Array {
  model.eval();
  return scope(() =>
    noGrad(() => model.forward(goldenInput([2, ...image], { dtype: "float32" })).toTypedArray()),
  ) as Float32Array;
}

function outputIn(path: string): Float32Array {
  return readSafetensors(path).tensors.get("output")?.toTypedArray() as Float32Array;
}

function assertClose(actual: Float32Array, expected: Float32Array): void {
  assert.equal(actual.length, expected.length);
  const difference = norm(actual.map((value, i) => value - (expected[i] as number)));
  assert.ok(norm(expected) > 0);
  assert.ok(difference <= tolerance * norm(expected), `relative difference ${difference / norm(expected)}`);
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
