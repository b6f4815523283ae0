import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  adaptiveAvgPool2d,
  Conv2d,
  fillInPlace,
  flatten,
  getRngState,
  Linear,
  Module,
  manualSeed,
  noGrad,
  ReLU,
  readSafetensors,
  type Tensor,
  writeSafetensors,
  zeros,
} from "@pea/torch";
import { Methods } from "../../src/methods/methods.ts";
import { createModel, registerModel } from "../../src/models/index.ts";
import { saveWeights } from "../../src/run/checkpoint.ts";
import { loadInitialWeights } from "../../src/run/initial-weights.ts";
import { goldenInput } from "../models/golden-fill.ts";
import { temporaryFolder } from "../support/tiny-data.ts";
import { usage } from "../support/usage-error.ts";

const folder = temporaryFolder();

interface Network {
  name: string;
  classes?: number;
  channels?: number;
  options?: Record<string, unknown>;
  seed?: number;
}

const build = ({ name, classes = 3, channels = 3, options = {}, seed = 1 }: Network) => {
  manualSeed(seed);
  return createModel(name, { ...options, classes, inputChannels: channels });
};

/** Loads a file into a fresh network. */
async function begun(path: string, network: Network): Promise<{ model: Module; remarks: string[] }> {
  const model = build(network);
  const { classes = 3, channels = 3 } = network;
  const remarks = loadInitialWeights(path, model, {
    name: network.name,
    build: (more) =>
      build({ ...network, ...(more === "class" ? { classes: classes + 1 } : { channels: channels + 1 }) }),
  });
  return { model, remarks };
}

type State = Map<string, Tensor>;

/** A file of a network's weights, drawn by another seed. */
function fileOf(network: Network, change: (state: State) => State = (state) => state): string {
  const path = join(folder, `${fileCount++}.safetensors`);
  writeSafetensors(path, change(build({ seed: 2, ...network }).stateDict()));
  return path;
}
let fileCount = 0;

const values = (tensor: Tensor | undefined) => tensor?.toTypedArray();
const isOf = (part: string) => (key: string) => key.startsWith(`${part}.`);

/** The weights are the file's, but those of `drawn`, which are as the network's seed draws them. */
function assertComesFrom(
  model: Module,
  path: string,
  network: Network,
  drawn: (key: string) => boolean,
): void {
  const [given, fresh] = [readSafetensors(path).tensors, build(network).stateDict()];
  for (const [key, tensor] of model.stateDict())
    assert.deepEqual(values(tensor), values((drawn(key) ? fresh : given).get(key)), key);
}

describe("a file for another number of classes", () => {
  const networks: (Network & { head: string })[] = [
    { name: "mobilenet-0.25-small", head: "fc" },
    { name: "resnet18-0.125", head: "fc" },
    { name: "resnet50-0.125", head: "fc" },
    { name: "alexnet-bn-0.125", head: "head" },
    { name: "erfnet-0.5", head: "classifier.linear" },
    { name: "erfnet-segmentation-0.5", head: "decoder.output_conv" },
  ];
  for (const { head, ...network } of networks)
    it(`gives ${network.name} its body; the head, ${head}, is drawn by the seed, and that is said`, async () => {
      const path = fileOf({ ...network, classes: 1000 });
      const { model, remarks } = await begun(path, network);
      assert.deepEqual(remarks, [
        `weights of ${path}`,
        `head ${head}: 1000 classes in the file, 3 in the data: drawn anew`,
      ]);
      assertComesFrom(model, path, network, isOf(head));
    });

  const small = { name: "mobilenet-0.25-small" };
  it("may be another run's", async () => {
    const path = join(folder, "best.safetensors");
    saveWeights(path, { model: build({ ...small, classes: 10, seed: 2 }), methods: new Methods([]) }, 5);
    const { model, remarks } = await begun(path, small);
    assert.equal(remarks[1], "head fc: 10 classes in the file, 3 in the data: drawn anew");
    assertComesFrom(model, path, small, isOf("fc"));
  });

  it("may have wrappers' prefixes", async () => {
    const body = fileOf({ ...small, classes: 10 });
    const path = fileOf(
      small,
      () => new Map([...readSafetensors(body).tensors].map(([key, value]) => [`module.model.${key}`, value])),
    );
    const { model } = await begun(path, small);
    assertComesFrom(model, body, small, isOf("fc"));
  });

  it("leaves the random generator where it was", async () => {
    const path = fileOf({ ...small, classes: 7 });
    build(small);
    const before = values(getRngState());
    await begun(path, small);
    assert.deepEqual(values(getRngState()), before);
  });

  it("is told from one for a network of another width", async () => {
    await assert.rejects(begun(fileOf({ name: "mobilenet-0.5-small", classes: 1000 }), small), {
      kind: "usage",
      message:
        /shapes that differ \(\d+\): features\.0\.conv\.weight: expected \[8,3,3,3\], got \[16,3,3,3\].* and \d+ more$/,
    });
  });

  for (const [value, key] of [
    [Number.NaN, "features.0.conv.weight"],
    [Number.POSITIVE_INFINITY, "features.12.pw.bn.running_var"],
  ] as const)
    it(`is refused with ${value} in what is loaded, not in the head that is drawn anew`, async () => {
      const holding = (...keys: string[]) =>
        fileOf({ ...small, classes: 10 }, (state) => {
          for (const key of keys) noGrad(() => fillInPlace(state.get(key) as Tensor, value));
          return state;
        });
      await begun(holding("fc.weight"), small);
      await assert.rejects(begun(holding("fc.weight", key), small), {
        kind: "usage",
        message: new RegExp(`: weights that are infinite or no numbers: ${key}; take another file$`),
      });
    });

  it("is refused where the head's own tensors are of different ones", async () => {
    const path = fileOf(small, (state) => state.set("fc.bias", zeros([7])));
    await assert.rejects(
      begun(path, small),
      usage(/shapes that differ \(1\): fc\.bias: expected \[3\], got \[7\]$/),
    );
  });
});

describe("a file without a head", () => {
  const network = { name: "resnet18-0.125" };
  const without = (...keys: string[]) =>
    fileOf(network, (state) => new Map([...state].filter(([key]) => !keys.includes(key))));
  it("gives the body, and it is said that the head is drawn", async () => {
    const path = without("fc.weight", "fc.bias");
    const { model, remarks } = await begun(path, network);
    assert.deepEqual(remarks, [`weights of ${path}`, "head fc: not in the file: drawn anew"]);
    assertComesFrom(model, path, network, isOf("fc"));
  });
  it("but with a part of it is refused", async () => {
    await assert.rejects(begun(without("fc.weight"), network), usage(/missing keys \(1\): fc\.weight$/));
  });
  it("but with weights that have no place is refused with both", async () => {
    const path = fileOf(
      network,
      (state) => new Map([...state].map(([key, value]) => [key.replace("fc.", "head."), value])),
    );
    await assert.rejects(
      begun(path, network),
      usage(/missing keys \(2\): fc\.weight, fc\.bias\nunexpected keys \(2\): head\.bias, head\.weight$/),
    );
  });
});

describe("a network of the user's own", () => {
  class Own extends Module {
    readonly conv = new Conv2d(3, 4, 3);
    readonly act = new ReLU();
    readonly last: Linear;
    constructor(classes: number) {
      super();
      this.last = new Linear(4, classes);
    }
    forward(x: Tensor): Tensor {
      return this.last.forward(
        flatten(adaptiveAvgPool2d(this.act.forward(this.conv.forward(x)), 1), { startDim: 1 }),
      );
    }
  }
  const entry = { description: "", inputShape: [3, 8, 8] as const, classes: 3 };
  before(() => {
    registerModel({ ...entry, name: "any-classes", create: ({ classes = 3 }) => new Own(classes) });
    registerModel({
      ...entry,
      name: "three-classes",
      create: ({ classes }) => {
        if (classes !== 3) throw new Error("three classes, no other number");
        return new Own(3);
      },
    });
  });

  it("has as its head what the number of classes gives another shape", async () => {
    const network = { name: "any-classes" };
    const path = fileOf({ ...network, classes: 5 });
    const { model, remarks } = await begun(path, network);
    assert.equal(remarks[1], "head last: 5 classes in the file, 3 in the data: drawn anew");
    assertComesFrom(model, path, network, isOf("last"));
  });

  it("has none where it takes one number of classes alone", async () => {
    const network = { name: "three-classes" };
    assertComesFrom(
      (await begun(fileOf(network), network)).model,
      join(folder, `${fileCount - 1}.safetensors`),
      network,
      () => false,
    );
    await assert.rejects(
      begun(fileOf({ name: "any-classes", classes: 5 }), network),
      usage(/shapes that differ \(2\): last\.weight: expected \[3,4\], got \[5,4\]/),
    );
  });
});

describe("images of another number of channels", () => {
  const network = { name: "resnet18-0.125" };
  it("are refused with the way to weights for grey ones", async () => {
    await assert.rejects(
      begun(fileOf({ ...network, classes: 1000 }), { ...network, channels: 1 }),
      usage(
        /conv1\.weight is for images with 3 channels, those of the data have 1; sum it in Python: t\["conv1\.weight"\] = t\["conv1\.weight"\]\.sum\(1, keepdim=True\)$/,
      ),
    );
  });
  it("are refused with the way to weights for coloured ones", async () => {
    await assert.rejects(
      begun(fileOf({ ...network, channels: 1 }), network),
      usage(/with 1 channel, those of the data have 3; spread it in Python: .*\.repeat\(1, 3, 1, 1\) \/ 3$/),
    );
  });
});

describe("keys of others", () => {
  const path = join(folder, "timm.safetensors");
  before(() => {
    const script = fileURLToPath(new URL("../oracle/timm_weights.py", import.meta.url));
    execFileSync("/usr/bin/python3", ["-B", script, "0.25", "5", folder]);
  });

  it("timm's mobilenetv1: the network computes what it computes there", async () => {
    const network = {
      name: "mobilenet-0.25",
      classes: 5,
      options: { activation: "relu6", batchNormEps: 1e-5 },
    };
    const { model, remarks } = await begun(path, network);
    assert.equal(remarks[0], `weights of ${path}, under the keys of timm's mobilenetv1`);
    assert.match(remarks[1] ?? "", /ReLU6 .* eps 1e-5.* activation=relu6,batchNormEps=0\.00001/);
    model.eval();
    const output = noGrad(() =>
      model.forward(goldenInput([2, 3, 64, 64], { dtype: "float32" })),
    ).toTypedArray() as Float32Array;
    const expected = readSafetensors(join(folder, "timm.output.safetensors"))
      .tensors.get("output")
      ?.toTypedArray() as Float32Array;
    const norm = (numbers: Float32Array) => Math.hypot(...numbers);
    assert.ok(norm(expected) > 0.1);
    assert.ok(norm(output.map((value, i) => value - (expected[i] as number))) <= 1e-5 * norm(expected));
  });

  it("timm's mobilenetv1 in a wrapper, for another number of classes: the body without the head", async () => {
    const wrapped = join(folder, "wrapped.safetensors");
    writeSafetensors(
      wrapped,
      new Map([...readSafetensors(path).tensors].map(([key, value]) => [`module.${key}`, value])),
    );
    const network = { name: "mobilenet-0.25" };
    const [plain, { model, remarks }] = [
      await begun(path, { ...network, classes: 5 }),
      await begun(wrapped, network),
    ];
    assert.equal(remarks[1], "head fc: 5 classes in the file, 3 in the data: drawn anew");
    const fresh = build(network).stateDict();
    for (const [key, tensor] of model.stateDict())
      assert.deepEqual(
        values(tensor),
        values((isOf("fc")(key) ? fresh : plain.model.stateDict()).get(key)),
        key,
      );
  });

  it("ERFNet's classifier gives the encoder of the network for segmentation; the decoder is drawn", async () => {
    const classifier = build({ name: "erfnet-0.5", classes: 1000, seed: 2 });
    const file = join(folder, "encoder.safetensors");
    writeSafetensors(
      file,
      new Map([...classifier.stateDict()].map(([key, value]) => [`module.${key}`, value])),
    );
    const network = { name: "erfnet-segmentation-0.5", classes: 4 };
    const { model, remarks } = await begun(file, network);
    assert.deepEqual(remarks, [
      `weights of ${file}, under the keys of the encoder of ERFNet's classifier`,
      "decoder: not in the file: drawn anew",
    ]);
    const [given, fresh] = [classifier.stateDict(), build(network).stateDict()];
    for (const [key, tensor] of model.stateDict())
      assert.deepEqual(
        values(tensor),
        values(isOf("decoder")(key) ? fresh.get(key) : given.get(`features.${key}`)),
        key,
      );
  });

  it("others are refused with a few of them and what is before them", async () => {
    const own = build({ name: "mobilenet-0.25-small" }).stateDict();
    const file = join(folder, "backbone.safetensors");
    writeSafetensors(file, new Map([...own].map(([key, value]) => [`backbone.${key}`, value])));
    await assert.rejects(begun(file, { name: "mobilenet-0.25-small" }), (error: Error) => {
      assert.match(error.message, /missing keys \(137\): .* and 132 more\n/);
      assert.match(error.message, /\nmost keys would fit without "backbone\." before them$/);
      return true;
    });
  });
});

it("a folder is refused with the file that a run has", async () => {
  const run = join(folder, "run");
  mkdirSync(run);
  await assert.rejects(
    begun(run, { name: "resnet18-0.125" }),
    usage(/run: it is a folder; the weights of a run are its checkpoints\/best\.safetensors$/),
  );
});
