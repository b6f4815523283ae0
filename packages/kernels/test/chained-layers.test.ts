/**
 * Convolutions and batch norms in a chain, which hand each other moments and gradients besides autograd: the results are those
 * of libtorch's operators, whoever else reads the tensors in between.
 */
import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { batchNormAct, type EnsembleActOptions, ensembleAct, ownConvolution, useKernels } from "@pea/kernels";
import {
  add,
  autocast,
  BatchNorm2d,
  BatchNormAct2d,
  backward,
  Conv2d,
  cast,
  contiguous,
  type DType,
  getNumThreads,
  grad,
  Module,
  ModuleList,
  manualSeed,
  mul,
  mulInPlace,
  noGrad,
  ReLU,
  randn,
  type Sides,
  SiLU,
  scope,
  setBatchNormKernel,
  setConvKernel,
  setNumThreads,
  sum,
  type Tensor,
} from "@pea/torch";

const skip = !useKernels() && "the kernels are not built";

class Ensemble extends Module {
  constructor(readonly ensembleActOptions: EnsembleActOptions) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return ensembleAct(x, this.ensembleActOptions);
  }
}

type Kind =
  | "stem"
  | "pointwise"
  | "depthwise"
  | "depthwise by 2"
  | "depthwise 5×5"
  | "depthwise 5×5 by 2"
  | "padded behind";

/** 3×3, by 2, as TensorFlow's SAME pads. */
class PaddedBehind extends Conv2d {
  protected override paddingOf({ shape: [, , height = 0, width = 0] }: Tensor): Sides {
    return [width % 2, 1, height % 2, 1];
  }
}

function convolution(kind: Kind, inputs: number): Conv2d {
  if (kind === "stem") return new Conv2d(inputs, 32, 7, { stride: 2, padding: 3, bias: false });
  if (kind === "pointwise") return new Conv2d(inputs, inputs + 8, 1, { bias: false });
  const size = kind.includes("5×5") ? 5 : 3;
  const stride = kind === "depthwise" || kind === "depthwise 5×5" ? 1 : 2;
  const settings = { stride, groups: inputs, bias: false };
  if (kind === "padded behind") return new PaddedBehind(inputs, inputs, size, settings);
  return new Conv2d(inputs, inputs, size, { ...settings, padding: (size - 1) / 2 });
}

const imageChannels = ([first]: readonly Kind[]) => (first === "stem" ? 3 : 16);

/** What the next layer of a chain reads in place of a convolution's result. */
type Tap = (z: Tensor, layer: number) => Tensor;

/** Convolutions with a batch norm behind each, and perhaps an activation. */
class Chain extends Module {
  readonly convolutions: ModuleList;
  readonly norms: ModuleList;

  constructor(kinds: readonly Kind[], act: Module | undefined) {
    super();
    let channels = imageChannels(kinds);
    const pairs = kinds.map((kind) => {
      const conv = convolution(kind, channels);
      channels = conv.outputChannels;
      const norm =
        act === undefined
          ? new BatchNorm2d(channels)
          : new BatchNormAct2d(channels, { activation: () => act });
      return [conv, norm] as const;
    });
    this.convolutions = new ModuleList(pairs.map(([conv]) => conv));
    this.norms = new ModuleList(pairs.map(([, norm]) => norm));
  }

  override forward(x: Tensor): Tensor {
    return this.tapped(x, (z) => z);
  }

  tapped(x: Tensor, tap: Tap): Tensor {
    const norms = [...this.norms];
    return [...this.convolutions].reduce(
      (y, conv, i) => (norms[i] as Module).forward(tap(conv.forward(y), i)),
      x,
    );
  }
}

/** What is differentiated, and with respect to what besides the images and the parameters. */
type Run = (chain: Chain, x: Tensor) => { loss: Tensor; beside?: Tensor[] };

interface Case {
  kinds: readonly Kind[];
  act?: (() => Module) | undefined;
  dtype: DType;
  shape?: number[];
  offset?: number;
  spread?: number;
  run?: Run;
  /** Whether the images have a gradient; by default where there is an operator for it. */
  ofImages?: boolean;
}

/** A loss whose gradient no batch norm removes. */
const lossOf = (y: Tensor) => sum(mul(y, mul(y, add(y, 1))));

/** The loss, all gradients and the running statistics of one step. */
function step({
  kinds,
  act,
  dtype,
  shape = [3, 16, 9, 7],
  offset = 0,
  spread = 1,
  run,
  ofImages = kinds[0] !== "stem",
}: Case): Tensor[] {
  manualSeed(1);
  const chain = new Chain(kinds, act?.()).to({ dtype });
  const drawn = add(
    mul(randn([shape[0] as number, imageChannels(kinds), ...shape.slice(2)]), spread),
    offset,
  );
  const x = contiguous(cast(drawn, { dtype }), { memoryFormat: "channels_last" });
  x.requiresGrad = ofImages;
  const { loss, beside = [] } = run?.(chain, x) ?? { loss: lossOf(chain.forward(x)) };
  const asked = [...(ofImages ? [x] : []), ...chain.parameters(), ...beside];
  const gradients = grad([loss], asked) as Tensor[];
  const statistics = [...chain.namedBuffers().values()].filter((buffer) => buffer.dtype === dtype);
  return [loss, ...gradients, ...statistics];
}

function onLibtorch<T>(body: () => T): T {
  setBatchNormKernel(undefined);
  setConvKernel(undefined);
  try {
    return body();
  } finally {
    setBatchNormKernel(batchNormAct);
    setConvKernel(ownConvolution);
  }
}

/** Root of the sum of squares of the difference, relative to that of `expected`, or to 1 where that is less: what a batch norm
 * makes 0 is rounding alone. */
function relativeError(actual: Tensor, expected: Tensor): number {
  const [a, b] = [actual.toTypedArray() as Float64Array, expected.toTypedArray() as Float64Array];
  assert.equal(a.length, b.length);
  let error = 0;
  let square = 0;
  for (const [i, value] of b.entries()) {
    error += ((a[i] as number) - value) ** 2;
    square += value ** 2;
  }
  return Math.sqrt(error / Math.max(square, 1));
}

function assertAsLibtorch(one: Case, name: string): void {
  scope(() => {
    const expected = onLibtorch(() => step(one));
    for (const [i, result] of step(one).entries()) {
      const error = relativeError(result, expected[i] as Tensor);
      assert.ok(error < 1e-10, `${name}: result ${i} is off by ${error}`);
    }
  });
}

const chains: readonly (readonly Kind[])[] = [
  ["pointwise", "depthwise", "pointwise", "depthwise by 2", "pointwise"],
  ["depthwise", "depthwise by 2", "depthwise", "pointwise", "pointwise"],
  ["depthwise 5×5", "padded behind", "pointwise", "depthwise 5×5 by 2", "depthwise 5×5"],
  ["stem", "depthwise", "pointwise"],
];
const [mixed] = chains as [readonly Kind[]];
const weighted = () => new Ensemble({ ensemble: "weighted", smooth: "gelu", alpha: 0.3 });
const stochastic = () =>
  new Ensemble({ ensemble: "stochastic", smooth: "mish", alpha: 0.3, seed: 1, site: 2, step: 3 });
const activations = {
  none: undefined,
  ReLU: () => new ReLU(),
  Swish: () => new SiLU(),
  weighted,
  stochastic,
};

describe("convolutions and batch norms in a chain", { skip }, () => {
  afterEach(() => {
    setBatchNormKernel(batchNormAct);
    setConvKernel(ownConvolution);
  });

  test("float64: as libtorch, for odd sizes, several parts and single rows", () => {
    for (const kinds of chains) {
      for (const [name, act] of Object.entries(activations)) {
        for (const shape of [
          [3, 16, 9, 7],
          [1, 16, 67, 73],
          [5, 16, 1, 6],
          [4, 16, 5, 1],
        ]) {
          assertAsLibtorch({ kinds, act, dtype: "float64", shape }, `${kinds}, ${name}, ${shape}`);
        }
      }
    }
  });

  test("float32: as exact as libtorch, around 0 and far from it, for narrow spreads as for wide ones", () => {
    for (const kinds of chains) {
      for (const [name, act] of Object.entries({ none: undefined, Swish: activations.Swish })) {
        for (const [offset, spread] of [
          [0, 1],
          [100, 1],
          [0, 1e-3],
        ]) {
          scope(() => {
            const one = { kinds, act, shape: [4, 16, 21, 18], offset, spread };
            const exact = onLibtorch(() => step({ ...one, dtype: "float64" }));
            const theirs = onLibtorch(() => step({ ...one, dtype: "float32" }));
            for (const [i, result] of step({ ...one, dtype: "float32" }).entries()) {
              const error = relativeError(result, exact[i] as Tensor);
              const usual = relativeError(theirs[i] as Tensor, exact[i] as Tensor);
              const what = `${kinds}, ${name}, ${spread} around ${offset}: result ${i}`;
              assert.ok(error < 2 * usual + 1e-6, `${what} is off by ${error}, not ${usual}`);
            }
          });
        }
      }
    }
  });

  test("under autocast: in bfloat16, with at most twice libtorch's errors there", () => {
    for (const kinds of chains) {
      for (const [name, act] of Object.entries(activations)) {
        scope(() => {
          const run: Run = (chain, x) => {
            const y = autocast("bfloat16", () => chain.forward(x));
            assert.equal(y.dtype, "bfloat16");
            return { loss: lossOf(cast(y, { dtype: "float32" })) };
          };
          const one: Case = { kinds, act, dtype: "float32", shape: [4, 16, 21, 18] };
          const exact = onLibtorch(() => step({ ...one, dtype: "float64" }));
          const theirs = onLibtorch(() => step({ ...one, run }));
          for (const [i, result] of step({ ...one, run }).entries()) {
            const error = relativeError(result, exact[i] as Tensor);
            const usual = relativeError(theirs[i] as Tensor, exact[i] as Tensor);
            const what = `${kinds}, ${name}: result ${i}`;
            assert.ok(error < 2 * usual + 1e-3, `${what} is off by ${error}, not ${usual}`);
          }
        });
      }
    }
  });

  test("the results do not depend on the number of threads", () => {
    const threadsBefore = getNumThreads();
    try {
      for (const kinds of chains) {
        const [one, other] = [1, 3].map((threads) => {
          setNumThreads(threads);
          return scope(() =>
            // All but the loss, which libtorch sums.
            step({ kinds, act: () => new ReLU(), dtype: "float32", shape: [2, 16, 61, 53] })
              .slice(1)
              .map((result) => result.toTypedArray()),
          );
        });
        assert.deepEqual(other, one);
      }
    } finally {
      setNumThreads(threadsBefore);
    }
  });

  test("other readers of a convolution's result add their gradients; who asks for its gradient gets it", () => {
    const readers: Record<string, Run> = {
      "read twice": (chain, x) => {
        const others: Tensor[] = [];
        const y = chain.tapped(x, (z) => {
          others.push(sum(mul(z, z)));
          return z;
        });
        return { loss: others.reduce((total, other) => add(total, other), lossOf(y)) };
      },
      "by two batch norms": (chain, x) => {
        const others: Tensor[] = [];
        const y = chain.tapped(x, (z, layer) => {
          const norm = [...chain.norms][layer] as Module;
          others.push(lossOf(norm.forward(z)));
          return z;
        });
        return { loss: others.reduce((total, other) => add(total, other), lossOf(y)) };
      },
      "asked for": (chain, x) => {
        const beside: Tensor[] = [];
        const y = chain.tapped(x, (z) => {
          beside.push(z);
          return z;
        });
        return { loss: lossOf(y), beside };
      },
      "between two operators": (chain, x) => ({ loss: lossOf(chain.tapped(x, (z) => mul(z, 2))) }),
      "changed in place": (chain, x) => ({
        loss: lossOf(chain.tapped(x, (z) => noGrad(() => mulInPlace(z, 2)))),
      }),
      "changed in place, with gradients": (chain, x) => ({
        loss: lossOf(chain.tapped(x, (z) => mulInPlace(z, 2))),
      }),
    };
    for (const [name, run] of Object.entries(readers)) {
      for (const act of [activations.ReLU, activations.Swish]) {
        assertAsLibtorch({ kinds: mixed, act, dtype: "float64", run }, name);
      }
    }
  });

  test("images before a stem may ask for a gradient", () => {
    for (const act of [activations.none, activations.Swish])
      assertAsLibtorch({ kinds: ["stem", "depthwise"], act, dtype: "float64", ofImages: true }, "images");
  });

  test("several readers of what is deferred add their gradients", () => {
    const run: Run = (chain, x) => {
      const [first, second] = [...chain.convolutions] as [Conv2d, Conv2d];
      const activated = ([...chain.norms][0] as Module).forward(first.forward(x));
      const twice = add(second.forward(activated), second.forward(activated));
      // Of the second batch norm's parameters the loss depends in another way.
      const unused = chain.parameters().map((parameter) => sum(parameter));
      return {
        loss: unused.reduce(
          (total, one) => add(total, one),
          add(lossOf(twice), sum(mul(activated, activated))),
        ),
      };
    };
    for (const kinds of chains) {
      const one: Case = { kinds: kinds.slice(0, 2), act: activations.ReLU, dtype: "float64", run };
      assertAsLibtorch(one, `${one.kinds}`);
    }
  });

  test("backward again through a retained graph, with gradients of gradients to come, and of some parameters alone", () => {
    scope(() => {
      manualSeed(2);
      const chain = new Chain(mixed, new ReLU()).to({ dtype: "float64" });
      const x = contiguous(randn([2, 16, 6, 5], { dtype: "float64" }), { memoryFormat: "channels_last" });
      x.requiresGrad = true;
      const loss = lossOf(chain.forward(x));
      const parameters = chain.parameters();
      const all = grad([loss], [x, ...parameters], { retainGraph: true }) as Tensor[];
      const again = grad([loss], [x, ...parameters], { createGraph: true }) as Tensor[];
      for (const [i, gradient] of again.entries())
        assert.ok(relativeError(gradient, all[i] as Tensor) < 1e-12, `result ${i}`);
      for (const [i, parameter] of parameters.entries()) {
        const [alone] = grad([loss], [parameter], { retainGraph: true }) as [Tensor];
        assert.deepEqual(alone.toTypedArray(), all[i + 1]?.toTypedArray());
      }
      backward(loss);
      for (const [i, { grad: gradient }] of parameters.entries())
        assert.deepEqual(gradient?.toTypedArray(), all[i + 1]?.toTypedArray());
    });
  });
});
