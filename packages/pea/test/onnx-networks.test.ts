import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  fillInPlace,
  type Module,
  manualSeed,
  noGrad,
  randn,
  scope,
  setNumThreads,
  type Tensor,
} from "@pea/torch";
import { encodeOnnx, readOnnx } from "../src/deploy/onnx.ts";
import { measureLatency, openSession } from "../src/deploy/session.ts";
import { traceNetwork } from "../src/deploy/trace.ts";
import { assertReluOnly, tolerance, verifyOnnx } from "../src/deploy/verify.ts";
import { createModel } from "../src/models/registry.ts";

// Small networks on a shared machine: threads would wait for each other more than they compute.
setNumThreads(1);

const folder = mkdtempSync(join(tmpdir(), "pea-onnx-"));
after(() => rmSync(folder, { recursive: true }));

/** A network whose running statistics fit its activations, so that its logits are neither zero nor huge. */
function network(name: string, options: Record<string, unknown>, inputShape: readonly number[]): Module {
  manualSeed(1);
  const model = createModel(name, options);
  for (let step = 0; step < 30; step++)
    scope(() => noGrad(() => void model.forward(randn([8, ...inputShape]))));
  return model;
}

async function write(model: Module, inputShape: readonly number[], name = "network"): Promise<string> {
  const path = join(folder, `${name}.onnx`);
  await writeFile(path, encodeOnnx(traceNetwork(model, inputShape), "0.0.0", { network: name }));
  return path;
}

const networks = [
  {
    name: "mobilenet-0.25-small",
    inputShape: [1, 28, 28],
    options: { inputChannels: 1, classes: 10 },
    relu: 27,
  },
  { name: "mobilenet-0.25", inputShape: [3, 65, 63], options: { padding: "same" }, relu: 27 },
  { name: "resnet18-small", inputShape: [3, 32, 32], options: { classes: 10, width: 0.5 }, relu: 17 },
  { name: "resnet18", inputShape: [3, 64, 64], options: {}, relu: 17 },
];

for (const { name, inputShape, options, relu } of networks) {
  describe(`${name} at ${inputShape.join("×")} as ONNX`, () => {
    const model = network(name, options, inputShape);

    test("gives libtorch's logits in ONNX Runtime, in batches and for single images", async () => {
      const images = randn([70, ...inputShape]);
      const result = await verifyOnnx(await write(model, inputShape, name), model, images);
      assert.ok(result.largestDifference <= tolerance);
      assert.equal(result.images, 70);
      assert.equal(result.sameClass, 70);
      // Logits of zeros would agree whatever the file computes.
      assert.ok(spread(model, images) > 0.01);
    });

    test("holds one Relu per activation site and no other activation", async () => {
      const path = await write(model, inputShape, name);
      const { operators } = await readOnnx(path);
      assert.equal(operators.Relu, relu);
      assertReluOnly(path, operators);
    });

    test("keeps the state dict: every tensor under its key, but the batch counters", async () => {
      const { initializers } = await readOnnx(await write(model, inputShape, name));
      const keys = [...model.stateDict().keys()].filter((key) => !key.endsWith("num_batches_tracked"));
      assert.deepEqual(initializers.filter((key) => !key.includes("/")).sort(), keys.sort());
    });
  });
}

describe("an ONNX file", () => {
  const inputShape = [1, 28, 28];
  const model = network("mobilenet-0.25-small", { inputChannels: 1, classes: 10 }, inputShape);

  test("says its opset and carries its metadata", async () => {
    const path = join(folder, "metadata.onnx");
    const metadata = { network: "n", classes: '["Träger","Hose"]' };
    await writeFile(path, encodeOnnx(traceNetwork(model, inputShape), "1.2.3", metadata));
    const summary = await readOnnx(path);
    assert.equal(summary.opset, 17);
    assert.deepEqual(summary.metadata, metadata);
  });

  test("does not depend on the batch size of the trace", async () => {
    const session = await openSession(await write(model, inputShape));
    for (const batch of [1, 2, 3, 7]) {
      const logits = await session.run(new Float32Array(batch * 28 * 28), [batch, ...inputShape]);
      assert.equal(logits.length, batch * 10);
    }
    await session.release();
  });

  test("leaves the mode of the network as it was", async () => {
    for (const mode of [true, false]) {
      model.train(mode);
      await write(model, inputShape);
      assert.equal(model.training, mode);
    }
  });

  test("is refused when its weights are not the network's", async () => {
    const path = await write(model, inputShape);
    const other = network("mobilenet-0.25-small", { inputChannels: 1, classes: 10 }, inputShape);
    scope(() => noGrad(() => other.forward(randn([8, ...inputShape]))));
    await assert.rejects(
      verifyOnnx(path, other, randn([2, ...inputShape])),
      /differ by .* in a logit .*largest logit \d/,
    );
  });

  test("is refused when the network's output is not finite", async () => {
    const broken = network("mobilenet-0.25-small", { inputChannels: 1, classes: 10 }, inputShape);
    scope(() => noGrad(() => fillInPlace(broken.parameters()[0] as Tensor, Number.NaN)));
    await assert.rejects(
      verifyOnnx(await write(broken, inputShape, "broken"), broken, randn([2, ...inputShape])),
      {
        name: "PeaError",
        message: /^the network's output is not finite/,
      },
    );
  });

  test("is refused when it is damaged, cut off, empty or missing", async () => {
    const bytes = await readFile(await write(model, inputShape));
    const damages = {
      noise: Buffer.from("not a protobuf at all"),
      cut: bytes.subarray(0, bytes.length / 2),
      empty: Buffer.alloc(0),
    };
    for (const [name, content] of Object.entries(damages)) {
      const path = join(folder, `${name}.onnx`);
      await writeFile(path, content);
      await assert.rejects(verifyOnnx(path, model, randn([2, ...inputShape])), { name: "PeaError" }, name);
      await assert.rejects(openSession(path), /ONNX Runtime cannot load/, name);
    }
    await assert.rejects(readOnnx(join(folder, "missing.onnx")), /Cannot read .*missing\.onnx/);
  });

  test("is refused when it holds another activation", () => {
    assert.throws(() => assertReluOnly("x.onnx", { Conv: 1, Relu: 1, Sigmoid: 1 }), /x\.onnx holds Sigmoid/);
    assert.throws(() => assertReluOnly("x.onnx", { Conv: 1, Clip: 1 }), /Clip/);
  });

  test("is timed on one image", async () => {
    const { milliseconds, runs } = await measureLatency(await write(model, inputShape), inputShape, {
      threads: 1,
    });
    assert.ok(milliseconds > 0 && runs > 0);
  });
});

function spread(model: Module, images: ReturnType<typeof randn>): number {
  model.eval();
  const logits = scope(() => noGrad(() => model.forward(images).toTypedArray())) as Float32Array;
  return Math.max(...logits) - Math.min(...logits);
}
