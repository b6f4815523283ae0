/** Batch norm over two ranks, both of this process, against one layer that has the inputs of both. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { batchNormAct, type EnsembleActModule, ensembleAct, useKernels } from "@pea/kernels";
import {
  add,
  BatchNorm1d,
  BatchNormAct2d,
  cat,
  contiguous,
  grad,
  Module,
  manualSeed,
  narrow,
  ReLU,
  randn,
  scope,
  setBatchNormKernel,
  type Tensor,
  TorchError,
} from "@pea/torch";

class Ensemble extends Module implements EnsembleActModule {
  readonly ensembleActOptions = { ensemble: "weighted", smooth: "mish", alpha: 0.4, seed: 5 } as const;

  forward(x: Tensor): Tensor {
    return ensembleAct(x, this.ensembleActOptions);
  }
}

/** So many that the kernels may leave batch norm and ReLU to the next layer. */
const CHANNELS = 8;
/** Images of the two ranks. */
const shares = [1, 4] as const;
const shape = [5, CHANNELS, 4, 2];

function layer(activation: Module): BatchNormAct2d {
  const made = new BatchNormAct2d(CHANNELS, { activation: () => activation, momentum: 0.3 });
  manualSeed(7);
  made.loadStateDict(
    new Map([
      ...["weight", "bias", "running_mean"].map((key) => [key, randn([CHANNELS])] as const),
      ["running_var", add(randn([CHANNELS]), 9)] as const,
    ]),
    { strict: false },
  );
  return made.to({ dtype: "float64" });
}

/** Far from 0, where variances are lost first. */
const inputs = () => {
  manualSeed(3);
  return [add(randn(shape, { dtype: "float64" }), 20), randn(shape, { dtype: "float64" })].map((drawn) => {
    const leaf = contiguous(drawn, { memoryFormat: "channels_last" });
    leaf.requiresGrad = true;
    return leaf;
  }) as [Tensor, Tensor];
};

/** By name: the layer's result, gradients of inputs and parameters, and running statistics. */
function facts(y: Tensor, leaves: readonly Tensor[], layers: readonly BatchNormAct2d[]): Map<string, Tensor> {
  manualSeed(11);
  const parameters = layers.flatMap(({ weight, bias }) => [weight, bias]);
  const found = grad([y], [...leaves, ...parameters], { gradients: [randn(shape, { dtype: "float64" })] });
  const [dx, dresidual, ...ofParameters] = found as Tensor[];
  const overRanks = (first: number) =>
    layers.map((_, rank) => ofParameters[2 * rank + first] as Tensor).reduce((sum, one) => add(sum, one));
  const buffers = layers.map((one) => [one.runningMean, one.runningVar]);
  const [own, ...others] = buffers as [Tensor[], ...Tensor[][]];
  for (const other of others) assert.deepEqual(other.map(valuesOf), own.map(valuesOf));
  return new Map(
    Object.entries({
      y,
      dx,
      dresidual,
      dweight: overRanks(0),
      dbias: overRanks(1),
      mean: own[0],
      variance: own[1],
    }),
  ) as Map<string, Tensor>;
}

const valuesOf = (one: Tensor) => [...(one.toTypedArray() as Float64Array)];

/** A network's way on: the residual is the layer's, or is added behind it. */
interface Site {
  activation: Module;
  hasResidual: boolean;
}

const pass = (one: BatchNormAct2d, { hasResidual }: Site, x: Tensor, residual: Tensor): Tensor =>
  hasResidual ? one.forward(x, residual) : add(one.forward(x), residual);

function overRanks(site: Site): Map<string, Tensor> {
  const [x, residual] = inputs();
  const given: Tensor[] = [];
  const passes = (sum: (own: Tensor) => Tensor) =>
    shares.map((images, rank) => {
      const one = layer(site.activation);
      one.sumOverRanks = sum;
      const share = (whole: Tensor) => narrow(whole, 0, rank === 0 ? 0 : shares[0], images);
      return { one, y: pass(one, site, share(x), share(residual)) };
    });
  passes((own) => {
    given.push(own);
    return own;
  });
  const [first, second] = given as [Tensor, Tensor];
  const ranks = passes(() => add(first, second));
  return facts(
    cat(ranks.map(({ y }) => y)),
    [x, residual],
    ranks.map(({ one }) => one),
  );
}

function alone(site: Site): Map<string, Tensor> {
  const [x, residual] = inputs();
  const one = layer(site.activation);
  return facts(pass(one, site, x, residual), [x, residual], [one]);
}

for (const [kind, kernel] of [
  ["fused", batchNormAct],
  ["of plain operators", undefined],
] as const)
  for (const [name, site] of [
    ["ReLU", { activation: new ReLU(), hasResidual: false }],
    ["a residual and ReLU", { activation: new ReLU(), hasResidual: true }],
    ["a residual and an ensemble", { activation: new Ensemble(), hasResidual: true }],
  ] as const)
    test(`batch norm ${kind}, with ${name}, is over ranks what it is over the whole batch`, (t) => {
      if (!useKernels()) return t.skip("the kernels are not built");
      setBatchNormKernel(kernel);
      try {
        scope(() => {
          const expected = alone(site);
          for (const [key, actual] of overRanks(site)) {
            const [values, reference] = [actual, expected.get(key) as Tensor].map(valuesOf) as [
              number[],
              number[],
            ];
            const differences = values.map((value, i) => Math.abs(value - (reference[i] as number)));
            assert.ok(Math.max(...differences) < 1e-10, `${key} differs by ${Math.max(...differences)}`);
          }
        });
      } finally {
        setBatchNormKernel(batchNormAct);
      }
    });

test("one value per channel on a rank is enough, on all together it is not", () => {
  const norm = new BatchNorm1d(2);
  norm.sumOverRanks = (own) => add(own, own);
  assert.deepEqual(norm.forward(randn([1, 2])).shape, [1, 2]);
  norm.sumOverRanks = (own) => own;
  assert.throws(
    () => norm.forward(randn([1, 2])),
    (error) => error instanceof TorchError && /got one on all ranks together/.test(error.message),
  );
});
