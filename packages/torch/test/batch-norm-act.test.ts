import assert from "node:assert/strict";
import { test } from "node:test";
import {
  abs,
  add,
  amax,
  BatchNorm1d,
  BatchNormAct2d,
  clone,
  GELU,
  Module,
  memoryStats,
  onForward,
  ReLU,
  randn,
  SiLU,
  scope,
  sub,
  type Tensor,
  TorchError,
} from "@pea/torch";
import { fill, oracleCase, parameterGradients, testAgainstPython } from "./oracle.ts";

/** Owns the activation, as the networks do. */
class Site extends Module {
  readonly bn: BatchNormAct2d = new BatchNormAct2d(3, {
    activation: () => this.act,
    momentum: 0.3,
    eps: 1e-3,
  });

  constructor(public act: Module) {
    super();
  }

  forward(x: Tensor, residual?: Tensor): Tensor {
    return this.bn.forward(x, residual);
  }
}

const activations = { relu: ReLU, gelu: GELU, silu: SiLU };

testAgainstPython(
  Object.entries(activations).flatMap(([name, Activation]) =>
    [true, false].flatMap((training) =>
      [true, false].map((residual) =>
        oracleCase({
          name: `${name}${residual ? " with residual" : ""} in ${training ? "training" : "inference"}`,
          inputs: { x: [4, 3, 5, 6], r: [4, 3, 5, 6] },
          python: `m = fill(nn.BatchNorm2d(3, momentum=0.3, eps=1e-3)).train(${training ? "True" : "False"})
for _ in range(2): y = F.${name}(m(x)${residual ? " + r" : ""})
output = [y, *parameter_gradients(y, m), *m.buffers()]`,
          run: ({ x, r }, dtype) => {
            const module = fill(new Site(new Activation()).train(training), dtype);
            module.forward(x, residual ? r : undefined);
            const y = module.forward(x, residual ? r : undefined);
            return [y, ...parameterGradients(y, module), ...module.namedBuffers().values()];
          },
        }),
      ),
    ),
  ),
);

test("the running variance is the unbiased one", () => {
  const site = new Site(new ReLU());
  const x = randn([2, 3, 2, 2], { dtype: "float64" });
  site.to({ dtype: "float64" }).forward(x);
  const values = x.toTypedArray() as Float64Array;
  const first = [...values.slice(0, 4), ...values.slice(12, 16)];
  const mean = first.reduce((sum, value) => sum + value, 0) / 8;
  const unbiased = first.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 7;
  const running = site.bn.runningVar.toTypedArray() as Float64Array;
  assert.ok(Math.abs((running[0] ?? 0) - (0.7 + 0.3 * unbiased)) < 1e-12);
});

test("the state-dict keys are those of plain batch norm", () => {
  assert.deepEqual(
    [...new Site(new ReLU()).stateDict().keys()],
    ["bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked"],
  );
});

test("the owner's activation is one module at the owner's path, and replacing it takes effect", () => {
  const site = new Site(new ReLU());
  assert.deepEqual([...site.namedModules().keys()], ["", "act", "bn"]);
  const seen: Module[] = [];
  const gelu = new GELU();
  const unhook = onForward(gelu, () => seen.push(gelu));
  site.replaceModule("act", gelu);
  assert.equal(site.bn.activation, gelu);
  site.forward(randn([2, 3, 4, 4]));
  assert.deepEqual(seen, [gelu]);
  unhook();
});

test("a forward pass leaves nothing behind but its result", () => {
  const site = new Site(new ReLU());
  const x = randn([2, 3, 4, 4]);
  const { tensors } = memoryStats();
  const y = scope(() => site.forward(x, x));
  assert.equal(memoryStats().tensors, tensors + 1);
  y.dispose();
});

test("training refuses one value per channel, which has no variance; inference and larger inputs run", () => {
  const site = new Site(new ReLU());
  const single = randn([1, 3, 1, 1]);
  assert.throws(
    () => site.forward(single),
    (error) =>
      error instanceof TorchError &&
      /BatchNormAct2d\(3.* needs more than one value per channel, got .*\[1, 3, 1, 1\]; use a larger batch/.test(
        error.message,
      ),
  );
  assert.equal(site.bn.numBatchesTracked.item(), 0);
  assert.deepEqual(site.forward(randn([1, 3, 1, 2])).shape, [1, 3, 1, 2]);
  assert.deepEqual(site.eval().forward(single).shape, [1, 3, 1, 1]);
  const flat = new BatchNorm1d(3);
  assert.throws(() => flat.forward(randn([1, 3])), /BatchNorm1d\(3.* more than one value per channel/);
  assert.deepEqual(flat.forward(randn([2, 3])).shape, [2, 3]);
});

test("what it is given to add comes before the activation, beside a residual, and is freed", () => {
  for (const training of [true, false]) {
    const site = new Site(new ReLU()).train(training);
    const [x, residual, addend] = [randn([2, 3, 4, 5]), randn([2, 3, 4, 5]), randn([2, 3, 4, 5])];
    const expected = site.forward(x, add(residual, addend));
    let given = addend;
    site.bn.addend = () => {
      given = clone(addend);
      return given;
    };
    const difference = amax(abs(sub(site.forward(x, residual), expected))).item();
    assert.ok(difference < 1e-6, `${difference}`);
    assert.ok(given.disposed);
  }
});
