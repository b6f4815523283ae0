/**
 * The workloads in this project; their counterparts in PyTorch stand in ../peer/worker.py.
 *
 * @module
 */
import type { Ensemble } from "@pea/core";
import { ensembleAct, type KernelActivation } from "@pea/kernels";
import {
  add,
  autocast,
  BatchNormAct2d,
  backward,
  Conv2d,
  cast,
  contiguous,
  copyInPlace,
  crossEntropyLoss,
  type DType,
  empty,
  FileStore,
  foldBatchNorms,
  getNumThreads,
  grad,
  Module,
  narrow,
  noGrad,
  PrefixStore,
  ProcessGroup,
  ReLU,
  randn,
  relu,
  SGD,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "@pea/torch";
import {
  ActLearnMethod,
  applyPea,
  CutMixMethod,
  createModel,
  DecodePool,
  DistillationMethod,
  EmaMethod,
  ExpandMethod,
  GraphNetwork,
  LambdaGeluMethod,
  LookaheadMethod,
  type Method,
  Methods,
  MixupMethod,
  openImageFolder,
  type PeaHandle,
  QuantizeMethod,
  RandAugmentMethod,
  RandomErasingMethod,
  ReparameterizeMethod,
  StochasticDepthMethod,
  StreamingLoader,
  SugarMethod,
  SwaMethod,
  SwapMethod,
  traceNetwork,
} from "pea-train";
import {
  type ActivationVariant,
  type ActivationWorkload,
  type AllReduceWorkload,
  type BatchNormWorkload,
  type BenchMethod,
  type ConvolutionWorkload,
  type CopyWorkload,
  type Facts,
  isSegmentation,
  type LoaderWorkload,
  type NetworkWorkload,
  type OverheadWorkload,
  type Precision,
  RANK_VARIABLES,
  ranksOf,
  type Workload,
  windowOf,
} from "../protocol.ts";

/** ReLU's coefficient or probability: in the middle of the transition both branches run. */
const ALPHA = 0.5;

/** Tells the clock that a part of the workload ends here. */
export type Lap = (part: string) => void;

/** A workload that is set up: every call runs it once. */
export interface Prepared {
  run(lap: Lap): void | Promise<void>;
  facts: Facts;
}

/** Builds the tensors and networks of a workload. */
export function prepare(workload: Workload): Prepared | Promise<Prepared> {
  switch (workload.kind) {
    case "step":
      return prepareStep(workload);
    case "inference":
      return prepareInference(workload);
    case "activation":
      return prepareActivation(workload);
    case "batch-norm":
      return prepareBatchNorm(workload);
    case "convolution":
      return prepareConvolution(workload);
    case "copy":
      return prepareCopy(workload);
    case "memcpy":
      throw new Error("memcpy is not within JavaScript's reach");
    case "overhead":
      return prepareOverhead(workload);
    case "all-reduce":
      return prepareAllReduce(workload);
    case "loader":
      return prepareLoader(workload);
  }
}

function prepareStep(workload: NetworkWorkload): Prepared | Promise<Prepared> {
  if (ranksOf(workload) > 1) return prepareSharedStep(workload);
  const { images, labels } = createBatch(workload);
  const training = createTraining(workload);
  const { train, facts } = training;
  if (training.methods.asks) return prepareAskingStep(workload, training, { images, labels });
  return { run: (lap) => train(images, labels, lap), facts };
}

/** A step of a method that asks another network: the same one, with weights of its own. */
async function prepareAskingStep(
  workload: NetworkWorkload,
  { methods, train, facts, indices }: ReturnType<typeof createTraining>,
  { images, labels }: ReturnType<typeof createBatch>,
): Promise<Prepared> {
  const { image, classes } = workload;
  const [channels] = image;
  const filled = (value: number) => Array.from({ length: channels }, () => value);
  const input = { mean: filled(0), std: filled(1), shape: image };
  const names = Array.from({ length: classes }, (_, i) => String(i));
  const { model } = createNetwork(workload);
  model.eval();
  scope(() => foldBatchNorms(model, narrow(images, 0, 0, 1)));
  const openNetwork = async () => ({
    ...{ digest: "", input, classes: names },
    // As `pea train` asks a run's network.
    run: async (values: Float32Array, count: number) =>
      scope(() => {
        const batch = cast(tensor(values, { shape: [count, ...image] }), { memoryFormat: "channels_last" });
        const logits = noGrad(() => model.forward(batch));
        return { shape: logits.shape, values: logits.toTypedArray() as Float32Array };
      }),
    close: async () => model.dispose(),
  });
  await methods.begin({ statistics: input, classes: names, inputShape: image, openNetwork });
  const run = async (lap: Lap) => {
    const along = await methods.ask({ images, labels, indices, along: {} }, 0);
    lap("asking");
    train(images, labels, lap, along);
    for (const tensor of Object.values(along)) tensor.dispose();
  };
  return { run, facts };
}

/** A rank's part of a step, as the trainer does it: ranks meet before it, and have gradients and statistics in common after it. */
async function prepareSharedStep({ batch, sockets, ...workload }: NetworkWorkload): Promise<Prepared> {
  const group = await (sockets ? ranksBySockets() : ranks());
  const { images, labels } = createBatch({ ...workload, batch: batch / group.worldSize });
  const { pass, update, model, facts } = createTraining({ ...workload, batch });
  const reducer = group.reducer(model.parameters());
  const statistics = [...model.stateDict()].flatMap(([key, one]) => (/running_/.test(key) ? [one] : []));
  const met = tensor(new Float64Array(3));
  const run = async (lap: Lap) => {
    await group.allReduce(met);
    lap("waiting");
    pass(images, labels, lap, { beforeBackward: () => reducer.start() });
    await Promise.all([reducer.finish(), group.allReduce(statistics, "mean")]);
    lap("waiting");
    update(lap);
  };
  return { run, facts };
}

async function prepareAllReduce({ numbers }: AllReduceWorkload): Promise<Prepared> {
  const group = await ranks();
  const values = zeros([numbers]);
  return { run: () => group.allReduce(values), facts: {} };
}

let connected: Promise<ProcessGroup> | undefined;
let connectedBySockets: Promise<ProcessGroup> | undefined;

/** The processes that the harness has started together. */
function ranks(): Promise<ProcessGroup> {
  connected ??= connect("ranks");
  return connected;
}

/** The same, without memory that they share. */
function ranksBySockets(): Promise<ProcessGroup> {
  connectedBySockets ??= (async () => {
    process.env.PEA_SHM_DISABLE = "1";
    try {
      return await connect("sockets");
    } finally {
      delete process.env.PEA_SHM_DISABLE;
    }
  })();
  return connectedBySockets;
}

function connect(prefix: string): Promise<ProcessGroup> {
  const [rank, worldSize] = [RANK_VARIABLES.rank, RANK_VARIABLES.ranks].map((name) =>
    Number(process.env[name]),
  );
  const path = process.env[RANK_VARIABLES.store] as string;
  return ProcessGroup.connect(new PrefixStore(new FileStore(path, worldSize as number), prefix), {
    rank: rank as number,
    worldSize: worldSize as number,
  });
}

/** The methods of a step, fitted to a run of which it is in the first half; those that begin later begin with it. */
function createMethod({ image, method }: Omit<NetworkWorkload, "precision">, model: Module): Methods {
  const methods = new Methods(method === undefined ? [] : [{ name: method, hooks: METHODS[method]() }]);
  methods.fit({ model, totalSteps: 1_000_000, stepsPerEpoch: 1000, seed: 1, inputShape: image });
  return methods;
}

const METHODS: Readonly<Record<BenchMethod, () => Method>> = {
  mixup: () => new MixupMethod({ alpha: 0.2 }),
  cutmix: () => new CutMixMethod({ alpha: 1, probability: 1 }),
  "random-erasing": () =>
    new RandomErasingMethod({ probability: 0.25, area: [0.02, 0.33], ratio: [0.3, 3.3] }),
  ema: () => new EmaMethod({ decay: 0.9999, warmup: true }),
  // Once an epoch it would be in a step that no median shows.
  swa: () => new SwaMethod({ start: "1st", every: "1st", reestimate: 100 }),
  lookahead: () => new LookaheadMethod({ steps: 5, rate: 0.5 }),
  "stochastic-depth": () => new StochasticDepthMethod({ drop: 0.1 }),
  sugar: () => new SugarMethod({ surrogate: "b-silu" }),
  "lambda-gelu": () => new LambdaGeluMethod({ end: "75%", initial: 0, hardness: 30 }),
  swap: () => new SwapMethod({ smooth: "mish", at: "75%" }),
  distillation: () => new DistillationMethod({ teacher: "the same network", temperature: 4, weight: 0.5 }),
  quantize: () =>
    new QuantizeMethod({
      ...{ start: "0st", weights: "per channel", activations: "int8", scales: "asymmetric" },
      ...{ ranges: "tracked", batchNorm: "running", momentum: 0.01 },
    }),
  randaugment: () => new RandAugmentMethod({ operations: 2, magnitude: 9 }),
  reparameterize: () => new ReparameterizeMethod({ copies: 1, gamma: 1 }),
  expand: () => new ExpandMethod({ rate: 4 }),
  "act-learn": () => new ActLearnMethod({ end: "75%" }),
};

/** A network and its optimizer; `train` is one step, of a `pass` and an `update`. */
function createTraining({ precision, ...workload }: NetworkWorkload) {
  const { model, handle } = createNetwork(workload);
  // The network's own: methods may train others beside them.
  const facts = { parameters: count(model.parameters()) };
  const methods = createMethod(workload, model);
  const indices = Int32Array.from({ length: workload.batch }, (_, i) => i);
  const parameters = model.parameters();
  const optimizer = new SGD(parameters, { lr: 1e-3, momentum: 0.9, weightDecay: 1e-4 });
  let step = 0;
  const pass = (
    images: Tensor,
    labels: Tensor,
    lap: Lap,
    {
      along = {},
      beforeBackward,
    }: { along?: Readonly<Record<string, Tensor>>; beforeBackward?: () => void } = {},
  ) => {
    const at = { step, part: 0 };
    if (handle !== null) handle.step = at.step;
    scope(() => {
      optimizer.zeroGrad();
      const made = methods.batch({ images, labels, indices }, at.step);
      const batch = { ...made, along: { ...made.along, ...along } };
      methods.beforePass(at.step);
      // A scope of its own: from here on autograd alone holds the activations, and backward frees them one by one.
      const loss = scope(() => {
        const logits = inPrecision(precision, () => model.forward(batch.images));
        const lossAgainst = (labels: Tensor) => crossEntropyLoss(logits, labels);
        return methods.loss(lossAgainst(batch.labels), { ...batch, ...at, logits, lossAgainst });
      });
      lap("forward");
      beforeBackward?.();
      backward(loss);
      methods.afterBackward();
      lap("backward");
    });
  };
  const update = (lap: Lap) => {
    scope(() => {
      optimizer.step();
      methods.afterStep(step++);
    });
    lap("optimizer");
  };
  const train = (images: Tensor, labels: Tensor, lap: Lap, along?: Readonly<Record<string, Tensor>>) => {
    scope(() => {
      pass(images, labels, lap, { along });
      update(lap);
    });
  };
  return { train, pass, update, model, methods, indices, facts };
}

function prepareInference({ precision, ...workload }: NetworkWorkload): Prepared {
  const { model } = createNetwork(workload);
  const { images } = createBatch(workload);
  model.eval();
  const parameters = count(model.parameters());
  // As `pea eval` does.
  scope(() => foldBatchNorms(model, narrow(images, 0, 0, 1)));
  const run = () => {
    scope(() => noGrad(() => void inPrecision(precision, () => model.forward(images))));
  };
  return { run, facts: { parameters } };
}

interface Network {
  model: Module;
  /** null for the plain ReLU network. */
  handle: PeaHandle | null;
}

function createNetwork(workload: Omit<NetworkWorkload, "precision">): Network {
  const { network, image, classes, activation, imported } = workload;
  const written = createModel(network, { inputChannels: image[0], classes });
  const model = imported ? new GraphNetwork(traceNetwork(written, image).graph) : written;
  model.to({ memoryFormat: "channels_last" });
  const ensemble = parseEnsemble(activation);
  const handle = ensemble === null ? null : applyPea(model, { ...ensemble, seed: 1 });
  if (handle !== null) handle.alpha = ALPHA;
  return { model, handle };
}

/** Noise, and a label for each image or, for segmentation, for each pixel. */
function createBatch({ network, image, classes, batch }: Omit<NetworkWorkload, "precision">) {
  const [, height, width] = image;
  const shape = isSegmentation(network) ? [batch, height, width] : [batch];
  const count = shape.reduce((product, size) => product * size, 1);
  return {
    images: contiguous(randn([batch, ...image]), { memoryFormat: "channels_last" }),
    labels: tensor(
      BigInt64Array.from({ length: count }, (_, index) => BigInt(index % classes)),
      { shape },
    ),
  };
}

function prepareActivation({ shape, activation, precision }: ActivationWorkload): Prepared {
  const { x, gradient } = createOperands(shape, precision === "bf16" ? "bfloat16" : "float32");
  const ensemble = parseEnsemble(activation);
  let step = 0;
  const forward =
    ensemble === null
      ? () => relu(x)
      : () => ensembleAct(x, { ...ensemble, alpha: ALPHA, seed: 1, site: 0, step: step++ });
  return { run: differentiate(forward, [x], gradient), facts: {} };
}

/** Batch norm and activation as a network holds them. */
class NormalizedActivation extends Module {
  readonly bn: BatchNormAct2d;
  readonly act: Module = new ReLU();

  constructor(channels: number) {
    super();
    this.bn = new BatchNormAct2d(channels, { activation: () => this.act });
  }

  forward(x: Tensor): Tensor {
    return this.bn.forward(x);
  }
}

function prepareBatchNorm({ shape, activation }: BatchNormWorkload): Prepared {
  const { x, gradient } = createOperands(shape, "float32");
  const model = new NormalizedActivation(shape[1] as number);
  const ensemble = parseEnsemble(activation);
  const handle = ensemble === null ? null : applyPea(model, { ...ensemble, seed: 1 });
  if (handle !== null) handle.alpha = ALPHA;
  let step = 0;
  const forward = () => {
    if (handle !== null) handle.step = step++;
    return model.forward(x);
  };
  return { run: differentiate(forward, [x, ...model.parameters()], gradient), facts: {} };
}

function prepareConvolution(workload: ConvolutionWorkload): Prepared {
  const { shape, outputs, stride, dilation = 1, groups } = workload;
  const [height, width] = windowOf(workload);
  const padding = [((height - 1) / 2) * dilation, ((width - 1) / 2) * dilation] as const;
  const options = { stride, padding, dilation, groups, bias: false };
  const layer = new Conv2d(shape[1], outputs, [height, width], options);
  layer.to({ memoryFormat: "channels_last" });
  const { x } = createOperands(shape, "float32");
  const sides = shape.slice(2).map((side) => Math.ceil(side / stride));
  const gradient = contiguous(randn([shape[0], outputs, ...sides]), { memoryFormat: "channels_last" });
  return { run: differentiate(() => layer.forward(x), [x, ...layer.parameters()], gradient), facts: {} };
}

/** An operator's input, a leaf, and the gradient of its result, in channels_last. */
function createOperands(shape: readonly number[], dtype: DType) {
  const noise = () => contiguous(randn(shape, { dtype }), { memoryFormat: "channels_last" });
  const x = noise();
  x.requiresGrad = true;
  return { x, gradient: noise() };
}

function differentiate(forward: () => Tensor, inputs: readonly Tensor[], gradient: Tensor): Prepared["run"] {
  return (lap) => {
    scope(() => {
      const y = forward();
      lap("forward");
      grad([y], inputs, { gradients: [gradient] });
      lap("backward");
    });
  };
}

function prepareCopy({ shape }: CopyWorkload): Prepared {
  const source = randn(shape);
  const target = empty(shape);
  return { run: () => void copyInPlace(target, source), facts: {} };
}

function prepareOverhead({ calls }: OverheadWorkload): Prepared {
  const a = randn([16]);
  const b = randn([16]);
  const run = () => {
    scope(() => {
      for (let call = 0; call < calls; call++) add(a, b);
    });
  };
  return { run, facts: {} };
}

async function prepareLoader({ folder, images, batch, side, step }: LoaderWorkload): Promise<Prepared> {
  const trained = step === null ? null : createTraining(step);
  const source = await openImageFolder(folder);
  const loader = new StreamingLoader(source, {
    batchSize: batch,
    pool: new DecodePool({ workers: getNumThreads() }),
    size: { width: side, height: side },
    training: {
      ...{ seed: 1, flip: true, padding: 0, crop: "torchvision" },
      ...{ stepsPerEpoch: Math.floor(images / batch), changes: trained?.methods.imageChanges ?? [] },
    },
  });
  let epoch = 0;
  const run = async (lap: Lap) => {
    for await (const { images, labels } of loader.batches(epoch++)) {
      lap("waiting");
      trained?.train(images, labels, () => {});
      lap("training");
    }
  };
  return { run, facts: trained?.facts ?? {} };
}

function parseEnsemble(
  activation: ActivationVariant,
): { ensemble: Ensemble; smooth: KernelActivation } | null {
  if (activation === "relu") return null;
  const [ensemble, smooth] = activation.split("-") as [Ensemble, KernelActivation];
  return { ensemble, smooth };
}

function inPrecision<T>(precision: Precision, body: () => T): T {
  return precision === "bf16" ? autocast("bfloat16", body) : body();
}

function count(parameters: readonly Tensor[]): number {
  return parameters.reduce((sum, { numel }) => sum + numel, 0);
}
