import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type GraphNode, inferShapes, whyNotReluOnly } from "@pea/graph";
import {
  fillInPlace,
  type Module,
  manualSeed,
  noGrad,
  onForward,
  randn,
  scope,
  setNumThreads,
  Tanh,
  type Tensor,
} from "@pea/torch";
import { readOnnx } from "../../src/export/onnx/decode.ts";
import { encodeOnnx } from "../../src/export/onnx/encode.ts";
import { measureLatency, openSession } from "../../src/export/onnx/session.ts";
import { tolerance, verifyOnnx } from "../../src/export/onnx/verify.ts";
import { createModel } from "../../src/models/registry.ts";
import { traceNetwork } from "../../src/trace/trace.ts";

// Small networks on a shared machine: threads would wait for each other more than they compute.
setNumThreads(1);

const folder = mkdtempSync(join(tmpdir(), "pea-onnx-"));
after(() => rmSync(folder, { recursive: true }));

/** A network whose running statistics fit its activations, so that its logits are neither zero nor huge. */
function network(name: string, options: Record<string, unknown>, inputShape: readonly number[]): Module {
  manualSeed(1);
  const model = createModel(name, options);
  for (let step = 0; step < 20; step++)
    scope(() => noGrad(() => void model.forward(randn([8, ...inputShape]))));
  return model;
}

async function write(model: Module, inputShape: readonly number[], name = "network"): Promise<string> {
  const path = join(folder, `${name}.onnx`);
  const { graph } = traceNetwork(model, inputShape);
  await writeFile(path, encodeOnnx(graph, { producerVersion: "0.0.0", metadata: { network: name } }));
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
  { name: "resnet50", inputShape: [3, 64, 64], options: { width: 0.25 }, relu: 49 },
  { name: "alexnet-bn", inputShape: [3, 224, 224], options: { width: 0.125 }, relu: 7, images: 5 },
  { name: "erfnet", inputShape: [3, 64, 64], options: { width: 0.5 }, relu: 55 },
  {
    name: "erfnet-segmentation",
    inputShape: [3, 32, 64],
    // Freshly drawn by He's rule and untrained, it multiplies float32's rounding beyond the tolerance, in libtorch too.
    options: { width: 0.5, classes: 5, init: "torch-default" },
    relu: 73,
    pixels: 32 * 64,
  },
];

for (const { name, inputShape, options, relu, pixels = 1, images: count = 70 } of networks) {
  describe(`${name} at ${inputShape.join("×")} as ONNX`, () => {
    const model = network(name, options, inputShape);

    test("gives libtorch's logits in ONNX Runtime, in batches and for single images", async () => {
      const images = randn([count, ...inputShape]);
      const result = await verifyOnnx(await write(model, inputShape, name), model, images);
      assert.ok(result.largestDifference <= tolerance);
      assert.equal(result.images, count);
      assert.equal(result.predictions, count * pixels);
      // Two logits as close as the tolerance may change places.
      assert.ok(result.sameClass >= 0.999 * result.predictions);
      // Logits of zeros would agree whatever the file computes.
      assert.ok(spread(model, images) > 0.01);
    });

    test("has the shapes that libtorch gives, is the same from weights in channels_last and comes back from its file", async () => {
      const plain = traceNetwork(model, inputShape);
      const shapes = inferShapes(plain.graph);
      const given = new Map<Module, readonly number[]>();
      const unhook = [...model.namedModules().values()].map((module) =>
        onForward(module, (_, { shape }) => given.set(module, shape)),
      );
      scope(() => noGrad(() => void model.eval().forward(randn([5, ...inputShape]))));
      for (const off of unhook) off();
      for (const { path, output } of plain.calls)
        assert.deepEqual(
          shapes.get(output)?.map((size) => (size === "batch" ? 5 : size)),
          given.get(model.getModule(path)),
          path,
        );
      model.to({ memoryFormat: "channels_last" });
      const { graph } = traceNetwork(model, inputShape);
      assert.deepEqual(graph, plain.graph);
      const written = await readOnnx(await write(model, inputShape, name));
      assert.deepEqual(
        written.graph.nodes.map(withoutPath),
        graph.nodes.map(withoutPath).map(({ attributes, ...node }) => ({
          ...node,
          attributes: Object.fromEntries(
            Object.entries(attributes).map(([key, value]) => [key, rounded(value)]),
          ),
        })),
      );
      assert.deepEqual(new Map([...written.graph.constants].sort()), new Map([...graph.constants].sort()));
      const path = await write(model, inputShape, name);
      const images = randn([2, ...inputShape]);
      assert.ok((await verifyOnnx(path, model, images)).largestDifference <= tolerance);
    });

    test("holds one Relu per activation site and no other activation", async () => {
      const path = await write(model, inputShape, name);
      const { operators, graph } = await readOnnx(path);
      assert.equal(operators.Relu, relu);
      assert.equal(whyNotReluOnly(graph), null);
    });

    test("keeps the state dict: every tensor under its key, but the batch counters", async () => {
      const { graph } = await readOnnx(await write(model, inputShape, name));
      const keys = [...model.stateDict().keys()].filter((key) => !key.endsWith("num_batches_tracked"));
      assert.deepEqual([...graph.constants.keys()].sort(), keys.sort());
    });
  });
}

describe("an ONNX file", () => {
  const inputShape = [1, 28, 28];
  const model = network("mobilenet-0.25-small", { inputChannels: 1, classes: 10 }, inputShape);

  test("says its opset and carries its metadata", async () => {
    const path = join(folder, "metadata.onnx");
    const metadata = { network: "n", classes: '["Träger","Hose"]' };
    const { graph } = traceNetwork(model, inputShape);
    await writeFile(path, encodeOnnx(graph, { producerVersion: "1.2.3", metadata }));
    const summary = await readOnnx(path);
    assert.equal(summary.opset, 17);
    assert.deepEqual(summary.metadata, metadata);
  });

  test("does not depend on the batch size of the trace", async () => {
    const session = await openSession(await write(model, inputShape));
    for (const batch of [1, 2, 3, 7]) {
      const { values, shape } = await session.run(new Float32Array(batch * 28 * 28), [batch, ...inputShape]);
      assert.deepEqual([values.length, shape], [batch * 10, [batch, 10]]);
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

  test("is refused when it holds a smooth activation", async () => {
    const smooth = createModel("mobilenet-0.25-small", { inputChannels: 1 });
    smooth.replaceModule("features.0.act", new Tanh());
    await assert.rejects(
      verifyOnnx(await write(smooth, inputShape, "smooth"), smooth, randn([2, ...inputShape])),
      {
        name: "PeaError",
        message:
          /smooth\.onnx is not to be deployed: Tanh in features\.0\.act is an activation: .* no smooth activation$/,
      },
    );
  });

  test("is timed on one image", async () => {
    const { milliseconds, runs } = await measureLatency(await write(model, inputShape), inputShape, {
      threads: 1,
    });
    assert.ok(milliseconds > 0 && runs > 0);
  });
});

/** A file names nodes by what they compute. */
const withoutPath = ({ path: _, ...node }: GraphNode) => node;

/** As a file holds it. */
const rounded = <T>(value: T) => (typeof value === "number" ? Math.fround(value) : value);

function spread(model: Module, images: ReturnType<typeof randn>): number {
  model.eval();
  const logits = scope(() => noGrad(() => model.forward(images).toTypedArray())) as Float32Array;
  const ascending = logits.toSorted();
  return (ascending.at(-1) as number) - (ascending[0] as number);
}
