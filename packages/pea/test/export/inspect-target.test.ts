import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  AdaptiveAvgPool2d,
  BatchNorm2d,
  Conv2d,
  Hardswish,
  LayerNorm,
  MaxPool2d,
  Module,
  manualSeed,
  mul,
  ReLU,
  Sequential,
  Sigmoid,
  setNumThreads,
  Tanh,
  type Tensor,
  Upsample,
} from "@pea/torch";
import { inspectForTarget, requireTaken } from "../../src/export/inspect-target.ts";
import { registerTarget, targetNamed } from "../../src/export/targets.ts";
import { inspectNetwork } from "../../src/models/index.ts";
import { fakeVela } from "../support/fake-vela.ts";
import { readTflite } from "../support/tflite-reader.ts";
import { temporaryFolder } from "../support/tiny-data.ts";

setNumThreads(1);
manualSeed(1);
// Where commands are, but no Vela that somebody has installed.
process.env.PATH = "/usr/bin:/bin";

const graphOf = (model: Module, shape: readonly number[]) => inspectNetwork(model, shape).graph;
const dilatedPool = () => new MaxPool2d(2, { stride: 1, dilation: 2 });

/** Two layers that TensorFlow Lite has no form for. */
const withDilatedPools = graphOf(
  new Sequential(
    new Conv2d(3, 8, 3),
    new ReLU(),
    dilatedPool(),
    new Conv2d(8, 8, 3),
    new ReLU(),
    dilatedPool(),
  ),
  [3, 16, 16],
);

/** An image of twice the size, of whose channels a gate lets through as much as their means say. */
class Gated extends Module {
  readonly conv = new Conv2d(3, 4, 3);
  readonly scale = new Upsample({ scaleFactor: 2, mode: "bilinear" });
  readonly squeeze = new AdaptiveAvgPool2d(1);
  readonly excite = new Conv2d(4, 4, 1);
  readonly gate = new Sigmoid();

  override forward(x: Tensor): Tensor {
    const large = this.scale.forward(this.conv.forward(x));
    return mul(large, this.gate.forward(this.excite.forward(this.squeeze.forward(large))));
  }
}

/** A stride of 4 of each channel by itself, which is not rewritten, and one that is. */
const withLongStrides = graphOf(
  new Sequential(
    new Conv2d(3, 8, 8, { stride: 4, padding: 2 }),
    new ReLU(),
    new Conv2d(8, 8, 5, { stride: 4, groups: 8 }),
    new ReLU(),
  ),
  [3, 64, 64],
);

describe("a target that does not take a network", () => {
  test("says so of every module that stands in the way", async () => {
    const { refused, remarks } = await inspectForTarget(withDilatedPools, "tflm");
    assert.deepEqual(
      refused.map(({ path, operator }) => [path, operator]),
      [
        ["2", "MaxPool"],
        ["5", "MaxPool"],
      ],
    );
    assert.match(refused[1]?.reason ?? "", /^MaxPool in 5: dilated pooling has no form in TensorFlow Lite/);
    assert.deepEqual(remarks, ["in floats it can leave as ONNX (--target onnx)"]);
  });

  test("names all smooth activations, whichever target it is", async () => {
    const graph = graphOf(
      new Sequential(new Conv2d(3, 4, 3), new Tanh(), new Conv2d(4, 4, 3), new Tanh()),
      [3, 8, 8],
    );
    for (const name of ["onnx", "ethos-u85"]) {
      const { refused } = await inspectForTarget(graph, name);
      assert.deepEqual(
        refused.map(({ reason }) => reason),
        [
          "Tanh in 1 is an activation: a deployed network has no smooth activation; put ReLU in its place",
          "Tanh in 3 is an activation: a deployed network has no smooth activation; put ReLU in its place",
        ],
      );
    }
  });

  test("names what else stands in the way with ReLU in their place, in one message", async () => {
    const graph = graphOf(
      new Sequential(new Conv2d(3, 4, 3, { stride: 2 }), new Hardswish(), dilatedPool()),
      [3, 16, 16],
    );
    const { refused, remarks } = await inspectForTarget(graph, "tflm");
    assert.deepEqual(
      refused.map(({ path, operator }) => [path, operator]),
      [
        ["1", "HardSwish"],
        ["2", "MaxPool"],
      ],
    );
    assert.deepEqual(remarks, []);
  });

  test("is told to put ReLU in the place of curves, not of products of what was computed, nor of what nobody knows", async () => {
    const of = { attributes: {}, path: "" };
    const { refused } = await inspectForTarget(
      {
        inputs: [{ name: "x", shape: [1, 4, 4, 4] }],
        outputs: ["y"],
        nodes: [
          { ...of, operator: "Tanh", inputs: ["x"], outputs: ["curve"], path: "act" },
          { ...of, operator: "Mul", inputs: ["curve", "x"], outputs: ["product"], path: "attention" },
          {
            ...of,
            operator: "aten::fft",
            inputs: ["product"],
            outputs: ["y"],
            opaque: { reason: "aten::fft in spectrum is not known", shapes: [[1, 4, 4, 4]] },
          },
        ],
        constants: new Map(),
      },
      "onnx",
    );
    assert.deepEqual(refused.map(({ reason }) => reason).sort(), [
      "Mul in attention multiplies or divides what was computed by what was computed: a deployed network has no smooth activation",
      "Tanh in act is an activation: a deployed network has no smooth activation; put ReLU in its place",
      "aten::fft in spectrum is not known",
    ]);
  });

  test("is told what has no integer form, and that the target itself was not asked yet", async () => {
    const graph = graphOf(
      new Sequential(new Conv2d(3, 4, 3), new LayerNorm([4, 14, 14]), dilatedPool()),
      [3, 16, 16],
    );
    const { refused, remarks } = await inspectForTarget(graph, "tflm");
    assert.deepEqual(
      refused.map(({ path }) => path),
      ["1"],
    );
    assert.ok(
      remarks.includes("what else LiteRT for Microcontrollers does not take is told once these are gone"),
    );
  });

  test("in 16 bits names what its runtime has no kernel for, which it has in 8", async () => {
    const graph = graphOf(new Gated(), [3, 8, 8]);
    const refused = async (name: string, activations?: "int16") =>
      (await inspectForTarget(graph, name, { activations })).refused.map(({ reason }) => reason);
    const sigmoid = "Sigmoid in gate: there is no Sigmoid of int16 here; take activations of int8";
    assert.deepEqual(await refused("tflm"), []);
    assert.deepEqual(await refused("tflite", "int16"), [sigmoid]);
    assert.deepEqual(await refused("tflm", "int16"), [
      "Resize in scale: LiteRT for Microcontrollers has no kernel for RESIZE_BILINEAR of int16; take activations of int8, or scale by nearest pixels",
      sigmoid,
    ]);
  });

  test("is an Ethos-U whose compiler fails on a layer", async () => {
    const graph = graphOf(
      new Sequential(new Conv2d(8, 8, 5, { stride: 4, groups: 2 }), new ReLU()),
      [8, 32, 32],
    );
    const reasons = async (name: string) =>
      (await inspectForTarget(graph, name)).refused.map(({ reason }) => reason);
    assert.match(
      (await reasons("ethos-u65")).join(),
      /^Conv in 0: Vela does not compile its strides of 4×4, above 3/,
    );
    assert.deepEqual(await reasons("ethos-u85"), []);
    assert.throws(() => requireTaken(graph, targetNamed("ethos-u55")), /- Conv in 0: Vela does not compile/);
  });

  test("is an error before training, with the modules and the way out", () => {
    assert.throws(() => requireTaken(withDilatedPools, targetNamed("tflite")), {
      kind: "usage",
      message:
        /^TensorFlow Lite does not take this network, so that it is not trained:\n- MaxPool in 2: .*\n- MaxPool in 5: .*\nin floats it can leave as ONNX \(--target onnx\)$/,
    });
    requireTaken(withDilatedPools, targetNamed("onnx"));
  });
});

describe("a target that takes it", () => {
  test("gets operators of few forms, each with its window, groups and activation", async () => {
    const { refused, operators, placement } = await inspectForTarget(withLongStrides, "tflite");
    const square = (size: number) => [size, size];
    const form = { operator: "Conv", strides: square(4), dilations: square(1), activation: "Relu" };
    assert.deepEqual(refused, []);
    assert.deepEqual(operators, [
      { ...form, kernel: square(8), paths: ["0"] },
      { ...form, kernel: square(5), groups: "each channel", paths: ["2"] },
    ]);
    assert.equal(placement, undefined);
  });

  test("is an NPU that leaves some of it to the processor, and has some rewritten", async () => {
    const { placement } = await inspectForTarget(withLongStrides, "ethos-u55", { macs: 32 });
    assert.equal(placement?.device, "ethos-u55-32");
    assert.deepEqual(placement.onProcessor, [
      { path: "2", operator: "Conv", reason: "Conv in 2: its strides of 4×4 are above 3" },
    ]);
    assert.match(
      placement.remarks.join("\n"),
      /to the same bytes: 1 layer of long strides over blocks of pixels/,
    );
    assert.equal(placement.estimates, undefined);
    assert.match(placement.remarks.at(-1) ?? "", /^no cycles: there is no command vela; install it/);
  });

  test("may be one's own: what stands in its way is asked, with batch norms folded where that is all", async () => {
    const form = {
      title: "Mine",
      file: "mine",
      write: () => "",
      verify: async () => ({}),
      describe: () => [],
    };
    registerTarget({
      ...form,
      name: "without-norms",
      obstacle: ({ nodes }) =>
        nodes.some(({ operator }) => operator === "BatchNormalization") ? "it has no batch norms" : null,
    });
    const graph = graphOf(new Sequential(new Conv2d(3, 4, 3), new BatchNorm2d(4), new ReLU()), [3, 8, 8]);
    const { refused, remarks } = await inspectForTarget(graph, "without-norms");
    assert.deepEqual(refused, []);
    assert.match(remarks.join(), /pea export --fold-batch-norms/);
    registerTarget({ ...form, name: "without-anything", obstacle: () => "it takes nothing" });
    assert.deepEqual((await inspectForTarget(graph, "without-anything")).refused, [
      { path: "", operator: "", reason: "it takes nothing" },
    ]);
  });
});

test("settings that a target has not are usage errors", async () => {
  for (const [name, settings, message] of [
    ["onnx", { macs: 128 }, "ONNX has no setting macs; leave it out"],
    ["tflm", { vela: "vela" }, "LiteRT for Microcontrollers has no setting vela; leave it out"],
    ["ethos-u65", { macs: 128 }, "macs is 128, but the Ethos-U65 has 256, 512"],
  ] as const)
    await assert.rejects(inspectForTarget(withLongStrides, name, settings), { kind: "usage", message });
});

describe("what Vela is asked", () => {
  const graph = graphOf(new Sequential(new Conv2d(3, 4, 3), new ReLU(), new Conv2d(4, 4, 3)), [3, 8, 8]);

  test("is the network with ReLU, and with each of the others in its place", async () => {
    const folder = temporaryFolder();
    const { placement } = await inspectForTarget(graph, "ethos-u85", { vela: fakeVela(folder) });
    const { by, activations } = placement?.estimates ?? {};
    assert.equal(by, "Vela 9.8.7 for ethos-u85-256, Some_System, Shared_Sram");
    const files = activations?.map((_, place) => readTflite(readFileSync(join(folder, `${place}.tflite`))));
    const conv = ["CONV_2D"];
    assert.deepEqual(
      activations?.map(({ activation }, place) => [
        activation,
        ...(files?.[place]?.operators ?? []).map(({ name }) => name),
      ]),
      [
        ["ReLU", ...conv, ...conv],
        ["ReLU as an operator of its own", ...conv, "RELU", ...conv],
        ["HardSwish", ...conv, "HARD_SWISH", ...conv],
        ["GELU", ...conv, "GELU", ...conv],
        ["Swish (LOGISTIC, MUL)", ...conv, "LOGISTIC", "MUL", ...conv],
        ["Mish (EXP, ADD, LOG, TANH, MUL)", ...conv, "EXP", "ADD", "LOG", "TANH", "MUL", ...conv],
      ],
    );
    const fused = files?.map(({ operators }) => operators[0]?.option(3, "byte"));
    assert.deepEqual(fused, [1, 0, 0, 0, 0, 0]);
    for (const { tensors, operators } of files?.slice(1) ?? []) {
      const [before, after] = [operators[0], operators.at(-2)].map(
        (each) => tensors[each?.outputs[0] as number],
      );
      assert.notDeepEqual([before?.scales, before?.zeroPoints], [after?.scales, after?.zeroPoints]);
    }
    assert.deepEqual(activations?.[3]?.cost, {
      npuCycles: 4000,
      totalCycles: 5000,
      milliseconds: 2,
      npuOperators: 12,
      cpuOperators: 1,
    });
  });

  test("of a network in 16 bits is one in 16 bits with others in ReLU's place, too", async () => {
    const folder = temporaryFolder();
    await inspectForTarget(graph, "ethos-u55", { vela: fakeVela(folder), activations: "int16" });
    for (let place = 0; place < 6; place++) {
      const { tensors, operators } = readTflite(readFileSync(join(folder, `${place}.tflite`)));
      const added = operators.filter(({ name }) => name !== "CONV_2D");
      const read = added
        .flatMap(({ inputs, outputs }) => [...inputs, ...outputs])
        .map((each) => tensors[each]);
      assert.deepEqual(new Set(read.map((tensor) => tensor?.type)), new Set(place === 0 ? [] : ["INT16"]));
      for (const tensor of read) assert.deepEqual([tensor?.zeroPoints], [[0]]);
    }
  });

  test("is the activation that is named, and others that are known", async () => {
    const folder = temporaryFolder();
    const { placement } = await inspectForTarget(graph, "ethos-u55", {
      vela: fakeVela(folder),
      compared: ["gelu", "elu"],
    });
    assert.deepEqual(
      placement?.estimates?.activations.map(({ activation }) => activation),
      ["ReLU", "GELU"],
    );
  });

  test("of a file that it refuses, its words stand in the place of cycles", async () => {
    const vela = fakeVela(temporaryFolder(), {
      first: '[[ $count == 3 ]] && { echo -e "  line 8\\nError: no GELU\\n  here" >&2; exit 1; }',
    });
    const { placement } = await inspectForTarget(graph, "ethos-u55", { vela });
    const costs = placement?.estimates?.activations.map(({ cost }) => cost) ?? [];
    assert.deepEqual(costs[3], {
      refused: "Vela does not compile the network for ethos-u55-128: Error: no GELU; here",
    });
    assert.deepEqual(
      costs.map((cost) => "npuCycles" in cost),
      [true, true, true, false, true, true],
    );
  });

  test("and not told in numbers, or without its version, is an error that says so", async () => {
    for (const [first, message] of [
      [
        'mkdir -p "$5"; echo "Nothing to do"; exit',
        /^Vela has written no file \*_vela\.tflite; it says: Nothing to do$/,
      ],
      ['echo "Nothing to do"; exit', /^Vela has written no file \*_vela\.tflite; it says: Nothing to do$/],
      [
        'echo() { printf "no operators\\n"; }',
        /^Vela tells no number of NPU operators; it says: no operators/,
      ],
      [
        'printf() { builtin printf "$@" | sed s/cycles_npu/cycles/; }',
        /^Vela tells no cycles_npu; it says: CPU/,
      ],
      [
        'printf() { builtin printf "$@" | sed s/0.002/soon/; }',
        /^Vela tells "soon" as its inference_time, which/,
      ],
    ] as const) {
      const vela = fakeVela(temporaryFolder(), { first });
      await assert.rejects(inspectForTarget(graph, "ethos-u55", { vela }), { name: "PeaError", message });
    }
    const mute = fakeVela(temporaryFolder(), { version: "exit 1" });
    await assert.rejects(inspectForTarget(graph, "ethos-u55", { vela: mute }), {
      name: "PeaError",
      message: /^Vela does not tell its version: Command failed/,
    });
  });

  test("of a network that it refuses as it is, that is an error", async () => {
    const vela = fakeVela(temporaryFolder(), { first: "echo 'Error: nothing' >&2; exit 1" });
    await assert.rejects(
      inspectForTarget(graph, "ethos-u55", { vela }),
      /Vela does not compile the network for ethos-u55-128: Error: nothing/,
    );
  });
});
