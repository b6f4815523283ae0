/**
 * What is measured. A group is measured in alternation, so that its cases share what the machine does meanwhile and
 * ratios within it can be trusted; its contenders' processes are fresh.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { ContenderName } from "./contenders.ts";
import {
  type ActivationVariant,
  benchMethods,
  type ConvolutionWorkload,
  type NetworkWorkload,
  type Precision,
  type Workload,
} from "./protocol.ts";

export type Suite =
  | "operator"
  | "convolution"
  | "overhead"
  | "step"
  | "distributed"
  | "imported"
  | "methods"
  | "scaling"
  | "inference"
  | "memory"
  | "loader";

export interface Case {
  contender: ContenderName;
  workload: Workload;
}

export interface Group {
  suite: Suite;
  /** For `--filter` and the progress: "step/resnet18/batch-16". */
  name: string;
  threads: number;
  cases: Case[];
}

/** All processors: what an operator uses by default, on both sides. */
export const ALL_THREADS = availableParallelism();

/** 51 MB of float32, an activation of ResNet-18's first stage at batch 64. */
const LARGE = [64, 64, 56, 56] as const;

const ENSEMBLES = ["weighted", "stochastic"] as const;
const SMOOTH = ["gelu", "swish", "mish"] as const;

const ALL: readonly ActivationVariant[] = [
  "relu",
  ...ENSEMBLES.flatMap((ensemble) => SMOOTH.map((smooth): ActivationVariant => `${ensemble}-${smooth}`)),
];
/** The paper's favourite of each ensemble. */
const SOME: readonly ActivationVariant[] = ["relu", "weighted-gelu", "stochastic-mish"];
const FEW: readonly ActivationVariant[] = ["relu", "weighted-gelu"];
const RELU: readonly ActivationVariant[] = ["relu"];

type Network = Pick<NetworkWorkload, "network" | "image" | "classes">;
/** The batch sizes its steps are measured with, the smaller one first; `isSlow`: the larger one takes long. */
type MainNetwork = Network & { batches: readonly [number, number]; isSlow: boolean };

/** The networks of the goals. */
const NETWORKS: readonly MainNetwork[] = [
  { network: "resnet18", image: [3, 224, 224], classes: 1000, batches: [16, 64], isSlow: true },
  { network: "mobilenet-0.25", image: [3, 224, 224], classes: 1000, batches: [16, 64], isSlow: false },
  { network: "resnet18-small", image: [1, 28, 28], classes: 10, batches: [64, 256], isSlow: true },
  { network: "mobilenet-0.25-small", image: [1, 28, 28], classes: 10, batches: [64, 256], isSlow: false },
];

/** The paper's others, which take long. */
const OTHERS: readonly (Network & { batch: number })[] = [
  { network: "resnet50", image: [3, 224, 224], classes: 1000, batch: 16 },
  { network: "alexnet-bn", image: [3, 224, 224], classes: 1000, batch: 64 },
  { network: "erfnet-segmentation", image: [3, 256, 512], classes: 19, batch: 4 },
];

/** Networks beside the paper's: inverted residuals, channels that are dealt out, maps that are joined. */
const BEYOND: readonly (Network & { batch: number })[] = [
  { network: "mobilenet-v2-0.35", image: [3, 224, 224], classes: 1000, batch: 16 },
  { network: "shufflenet-v2-0.5", image: [3, 224, 224], classes: 1000, batch: 16 },
  { network: "unet-0.25", image: [3, 128, 256], classes: 19, batch: 4 },
];

/** Convolutions of MobileNet-0.25, EfficientNet-Lite0 and ResNet-18, 16 images of 224×224, that have operators of their own here. */
const CONVOLUTIONS: readonly Omit<ConvolutionWorkload, "kind">[] = [
  { shape: [16, 16, 112, 112], outputs: 16, size: 3, stride: 2, groups: 16 },
  { shape: [16, 32, 56, 56], outputs: 32, size: 3, stride: 1, groups: 32 },
  { shape: [16, 128, 14, 14], outputs: 128, size: 3, stride: 1, groups: 128 },
  { shape: [16, 144, 56, 56], outputs: 144, size: 5, stride: 2, groups: 144 },
  { shape: [16, 480, 14, 14], outputs: 480, size: 5, stride: 1, groups: 480 },
  { shape: [16, 8, 112, 112], outputs: 16, size: 1, stride: 1, groups: 1 },
  { shape: [16, 64, 28, 28], outputs: 64, size: 1, stride: 1, groups: 1 },
  { shape: [16, 128, 14, 14], outputs: 128, size: 1, stride: 1, groups: 1 },
  { shape: [16, 64, 56, 56], outputs: 64, size: 3, stride: 1, groups: 1 },
  { shape: [16, 256, 14, 14], outputs: 256, size: 3, stride: 1, groups: 1 },
];

/** Those of ERFNet's blocks, 4 images of 256×512. */
const LINE_CONVOLUTIONS = (
  [
    [64, 64, 128, 1],
    [128, 32, 64, 2],
    [128, 32, 64, 4],
    [128, 32, 64, 8],
    [128, 32, 64, 16],
  ] as const
).flatMap(([channels, height, width, dilation]) =>
  [[3, 1] as const, [1, 3] as const].map(
    (size): Omit<ConvolutionWorkload, "kind"> => ({
      shape: [4, channels, height, width],
      outputs: channels,
      size,
      stride: 1,
      dilation,
      groups: 1,
    }),
  ),
);

/** Networks whose steps two processes share, and how many numbers their gradients have. */
const DISTRIBUTED = [
  { network: "mobilenet-0.25", batch: 64, gradients: 470_072 },
  { network: "resnet18", batch: 16, gradients: 11_689_512 },
] as const;

/** Images to load, made before they are needed (images.ts). */
export const IMAGES = { folder: join(import.meta.dirname, "../.setup/bench-images"), count: 512 };

/** Which activations each contender runs, per precision. */
type Line = readonly [
  contender: ContenderName,
  activations: Partial<Record<Precision, readonly ActivationVariant[]>>,
];

// PyTorch 1.13 has no mish in bfloat16, so only its ReLU step stands in for bf16.
const WIDE: readonly Line[] = [
  ["pea", { fp32: ALL, bf16: ALL }],
  ["torch1", { fp32: ALL, bf16: RELU }],
  ["pea-libtorch2", { fp32: ALL, bf16: SOME }],
  ["torch2", { fp32: SOME, bf16: RELU }],
  ["torch2-compiled", { fp32: SOME, bf16: ["weighted-gelu"] }],
];
const QUICK: readonly Line[] = [
  ["pea", { fp32: SOME, bf16: ["weighted-gelu"] }],
  ["torch1", { fp32: SOME }],
  ["pea-libtorch2", { fp32: FEW }],
  ["torch2", { fp32: RELU }],
  ["torch2-compiled", { fp32: ["weighted-gelu"] }],
];
const NARROW: readonly Line[] = [
  ["pea", { fp32: SOME, bf16: SOME }],
  ["torch1", { fp32: SOME }],
  ["pea-libtorch2", { fp32: SOME }],
  ["torch2", { fp32: RELU }],
  ["torch2-compiled", { fp32: ["weighted-gelu", "stochastic-mish"] }],
];
/** For what takes long. */
const SHORT: readonly Line[] = [
  ["pea", { fp32: SOME, bf16: FEW }],
  ["torch1", { fp32: FEW }],
  ["pea-libtorch2", { fp32: FEW }],
  ["torch2", { fp32: RELU }],
  ["torch2-compiled", { fp32: ["weighted-gelu"] }],
];
const DEPLOYED: readonly Line[] = [
  ["pea", { fp32: RELU, bf16: RELU }],
  ["torch1", { fp32: RELU, bf16: RELU }],
  ["pea-libtorch2", { fp32: RELU, bf16: RELU }],
  ["torch2", { fp32: RELU, bf16: RELU }],
  ["torch2-compiled", { fp32: RELU }],
];
const QUICK_MEMORY: readonly Line[] = [
  ["pea", { fp32: ["weighted-gelu"] }],
  ["torch1", { fp32: RELU }],
  ["pea-libtorch2", { fp32: ["weighted-gelu"] }],
  ["torch2", { fp32: RELU }],
];
const MEMORY: readonly Line[] = [
  ["pea", { fp32: SOME, bf16: ["weighted-gelu"] }],
  ["torch1", { fp32: FEW }],
  ["pea-libtorch2", { fp32: FEW }],
  ["torch2", { fp32: RELU }],
  ["torch2-compiled", { fp32: ["weighted-gelu"] }],
];

/** All groups, those that the goals rest on first; or the small choice that a quick look needs. */
export function listGroups({ quick }: { quick: boolean }): Group[] {
  return quick
    ? [
        operators("fp32", SOME),
        overhead(),
        ...NETWORKS.map((network) => steps(network, network.batches[0], QUICK)),
        ...memory(QUICK_MEMORY),
        loading(),
      ]
    : [
        operators("fp32", ALL),
        operators("bf16", SOME),
        batchNorms(),
        convolutions("16-images", CONVOLUTIONS),
        convolutions("erfnet", LINE_CONVOLUTIONS),
        overhead(),
        ...NETWORKS.map((network) => steps(network, network.batches[0], WIDE)),
        ...memory(MEMORY),
        loading(),
        ...NETWORKS.map((network) => steps(network, network.batches[1], network.isSlow ? SHORT : NARROW)),
        ...[...OTHERS, ...BEYOND].map((network) => steps(network, network.batch, SHORT)),
        ...NETWORKS.map(inference),
        ...NETWORKS.filter(({ network }) => !network.endsWith("-small")).map(imported),
        ...NETWORKS.filter(({ network }) => network.endsWith("-small")).map(methods),
        ...NETWORKS.filter(({ network }) => !network.endsWith("-small")).map(streamed),
        ...scaling(),
        ...DISTRIBUTED.map(distributed),
      ];
}

const CONTENDERS: readonly ContenderName[] = ["pea", "torch1", "pea-libtorch2", "torch2", "torch2-compiled"];

/** Activations by themselves, and in float32 the copies that they are measured by. */
function operators(precision: Precision, activations: readonly ActivationVariant[]): Group {
  const copies = (contender: ContenderName): Case[] => [
    { contender, workload: { kind: "copy", shape: LARGE } },
    ...(contender === "torch1" ? [{ contender, workload: { kind: "memcpy", shape: LARGE } } as const] : []),
  ];
  const cases = CONTENDERS.flatMap((contender) => [
    ...(precision === "fp32" ? copies(contender) : []),
    ...activations
      .filter((name) => !(contender === "torch1" && precision === "bf16" && name.endsWith("mish")))
      .map(
        (activation): Case => ({
          contender,
          workload: { kind: "activation", shape: LARGE, activation, precision },
        }),
      ),
  ]);
  return { suite: "operator", name: `operator/51-MB/${precision}`, threads: ALL_THREADS, cases };
}

function batchNorms(): Group {
  const cases = CONTENDERS.flatMap((contender) =>
    SOME.map(
      (activation): Case => ({ contender, workload: { kind: "batch-norm", shape: LARGE, activation } }),
    ),
  );
  return { suite: "operator", name: "operator/51-MB/batch-norm", threads: ALL_THREADS, cases };
}

function convolutions(name: string, list: readonly Omit<ConvolutionWorkload, "kind">[]): Group {
  const cases = CONTENDERS.filter((name) => name !== "torch2-compiled").flatMap((contender) =>
    list.map((convolution): Case => ({ contender, workload: { kind: "convolution", ...convolution } })),
  );
  return { suite: "convolution", name: `convolution/${name}`, threads: ALL_THREADS, cases };
}

function overhead(): Group {
  const cases = CONTENDERS.filter((name) => name !== "torch2-compiled").map(
    (contender): Case => ({ contender, workload: { kind: "overhead", calls: 1000 } }),
  );
  return { suite: "overhead", name: "overhead/add", threads: ALL_THREADS, cases };
}

function steps(network: Network, batch: number, lines: readonly Line[]): Group {
  return {
    suite: "step",
    name: `step/${network.network}/batch-${batch}`,
    threads: ALL_THREADS,
    cases: onNetwork("step", network, batch, lines),
  };
}

/** Steps of a network and of the same one made of its graph. */
function imported(network: MainNetwork): Group {
  const [batch] = network.batches;
  const cases = onNetwork("step", network, batch, [["pea", { fp32: FEW }]]);
  return {
    suite: "imported",
    name: `imported/${network.network}/batch-${batch}`,
    threads: ALL_THREADS,
    cases: cases.flatMap(({ contender, workload }) => [
      { contender, workload },
      { contender, workload: { ...(workload as NetworkWorkload), imported: true } },
    ]),
  };
}

/** Steps of one process of two threads, and of two of one thread, on the same batch; and the sum of their gradients alone. */
function distributed({ network: name, batch, gradients }: (typeof DISTRIBUTED)[number]): Group {
  const network = NETWORKS.find(({ network }) => network === name) as MainNetwork;
  const alone = onNetwork("step", network, batch, [
    ["pea", { fp32: FEW }],
    ["torch1", { fp32: RELU }],
    ["pea-libtorch2", { fp32: FEW }],
    ["torch2", { fp32: RELU }],
  ]);
  const shared = alone.map(({ contender, workload }) => ({
    contender,
    workload: { ...(workload as NetworkWorkload), ranks: 2 },
  }));
  // What the formula of the cost of several machines is held against.
  const overSockets = shared
    .filter(({ contender, workload }) => contender === "pea" && workload.activation === "relu")
    .map(({ contender, workload }) => ({ contender, workload: { ...workload, sockets: true as const } }));
  const sums = [1, gradients].map(
    (numbers): Case => ({ contender: "pea", workload: { kind: "all-reduce", numbers, ranks: 2 } }),
  );
  return {
    suite: "distributed",
    name: `distributed/${name}/batch-${batch}`,
    threads: 2,
    cases: [...alone, ...shared, ...overSockets, ...sums],
  };
}

/** Steps of a network with ReLU alone, and with each of the methods that it goes with. */
function methods(network: MainNetwork): Group {
  const [batch] = network.batches;
  const [plain] = onNetwork("step", network, batch, [["pea", { fp32: RELU }]]);
  const { contender, workload } = plain as Case;
  return {
    suite: "methods",
    name: `methods/${network.network}/batch-${batch}`,
    threads: ALL_THREADS,
    cases: [undefined, ...benchMethods]
      .filter((method) => method !== "stochastic-depth" || network.network.startsWith("resnet"))
      .map((method) => ({
        contender,
        workload: { ...(workload as NetworkWorkload), ...(method && { method }) },
      })),
  };
}

/** Steps of an epoch that is streamed: the first one waits for its batch. */
const STREAMED_STEPS = 8;

/** Steps that are fed by threads which decode, with and without the method that has these do more. */
function streamed(network: MainNetwork): Group {
  const [batch] = network.batches;
  const [plain] = onNetwork("step", network, batch, [["pea", { fp32: RELU }]]);
  const { contender, workload } = plain as Case;
  const [, side] = network.image;
  const loader = {
    kind: "loader",
    folder: IMAGES.folder,
    images: STREAMED_STEPS * batch,
    batch,
    side,
  } as const;
  return {
    suite: "methods",
    name: `methods/${network.network}/streamed`,
    threads: ALL_THREADS,
    cases: [undefined, "randaugment" as const].map((method) => ({
      contender,
      workload: { ...loader, step: { ...(workload as NetworkWorkload), ...(method && { method }) } },
    })),
  };
}

/** The small networks by batch size and number of threads; the batch size between is that of `steps`. */
function scaling(): Group[] {
  const lines: readonly Line[] = [
    ["pea", { fp32: FEW }],
    ["torch1", { fp32: FEW }],
  ];
  return NETWORKS.filter(({ network }) => network.endsWith("-small")).flatMap((network) =>
    [1, ALL_THREADS].flatMap((threads) =>
      [16, 256].map(
        (batch): Group => ({
          suite: "scaling",
          name: `scaling/${network.network}/batch-${batch}/threads-${threads}`,
          threads,
          cases: onNetwork("step", network, batch, lines),
        }),
      ),
    ),
  );
}

function inference(network: MainNetwork): Group {
  const [batch] = network.batches;
  return {
    suite: "inference",
    name: `inference/${network.network}/batch-${batch}`,
    threads: ALL_THREADS,
    cases: onNetwork("inference", network, batch, DEPLOYED),
  };
}

/** Peaks belong to a process, so each case has one of its own (see measure.ts). */
function memory(lines: readonly Line[]): Group[] {
  return NETWORKS.map((network) => ({
    suite: "memory",
    name: `memory/${network.network}/batch-${network.batches[0]}`,
    threads: ALL_THREADS,
    cases: onNetwork("step", network, network.batches[0], lines),
  }));
}

/** The loader by itself, MobileNet-0.25 by itself, and both together, where the loader must not be waited for. */
function loading(): Group {
  const network = NETWORKS.find((item) => item.network === "mobilenet-0.25") as MainNetwork;
  const batch = network.batches[1];
  const [, side] = network.image;
  const lines = (contender: ContenderName): Case[] => {
    const training = onNetwork("step", network, batch, [[contender, { fp32: RELU }]]);
    const [{ workload } = { workload: null }] = training;
    const loader = { kind: "loader", folder: IMAGES.folder, images: IMAGES.count, batch, side } as const;
    return [
      ...training,
      { contender, workload: { ...loader, step: null } },
      { contender, workload: { ...loader, step: workload as NetworkWorkload } },
    ];
  };
  return {
    suite: "loader",
    name: `loader/${network.network}/batch-${batch}`,
    threads: ALL_THREADS,
    cases: (["pea", "torch1"] as const).flatMap(lines),
  };
}

function onNetwork(
  kind: NetworkWorkload["kind"],
  { network, image, classes }: Network,
  batch: number,
  lines: readonly Line[],
): Case[] {
  return lines.flatMap(([contender, activations]) =>
    (["fp32", "bf16"] as const).flatMap((precision) =>
      (activations[precision] ?? []).map((activation) => ({
        contender,
        workload: { kind, network, image, classes, batch, activation, precision },
      })),
    ),
  );
}
