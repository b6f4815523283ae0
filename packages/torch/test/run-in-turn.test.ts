import assert from "node:assert/strict";
import { test } from "node:test";
import {
  add,
  grad,
  Identity,
  Module,
  memoryStats,
  mul,
  noGrad,
  ones,
  onForward,
  recordCalls,
  runInTurn,
  Sequential,
  scope,
  sum,
  type Tensor,
} from "@pea/torch";

/** Keeps what it computed, and counts the tensors that are alive beside it. */
class Step extends Module {
  static mostAlive = 0;
  output: Tensor | undefined;

  forward(x: Tensor): Tensor {
    this.output = mul(add(x, 1), 2);
    Step.mostAlive = Math.max(Step.mostAlive, memoryStats().tensors);
    return this.output;
  }
}

const makeSteps = () => [new Step(), new Step(), new Identity(), new Step(), new Step()];

/** Whether each step's output is still there, after a pass on ones. */
function survivors(steps: readonly Module[], run: (x: Tensor) => Tensor): boolean[] {
  return scope(() => {
    const y = run(ones([2]));
    assert.deepEqual(y.toNestedArray(), [46, 46]);
    return steps.flatMap((step) => (step instanceof Step ? [step.output?.disposed === false] : []));
  });
}

test("without gradients Sequential holds one module's input and what that module makes", () => {
  const steps = makeSteps();
  const { tensors } = memoryStats();
  Step.mostAlive = 0;
  assert.deepEqual(
    survivors(steps, (x) => noGrad(() => new Sequential(...steps).forward(x))),
    [false, false, false, true],
  );
  // The network's input; the step's own input, sum and product.
  assert.equal(Step.mostAlive - tensors, 4);
  assert.equal(memoryStats().tensors, tensors);
});

test("with gradients Sequential frees nothing, and runInTurn frees what autograd does not save", () => {
  const steps = makeSteps();
  const all = [true, true, true, true];
  assert.deepEqual(
    survivors(steps, (x) => new Sequential(...steps).forward(x)),
    all,
  );
  assert.deepEqual(
    survivors(steps, (x) => runInTurn(x, steps)),
    [false, false, false, true],
  );
  scope(() => {
    const x = ones([2], { requiresGrad: true });
    const [gradient] = grad([sum(mul(runInTurn(x, steps), runInTurn(x, steps)))], [x]);
    assert.deepEqual(gradient?.toNestedArray(), [2 * 46 * 16, 2 * 46 * 16]);
  });
});

test("where somebody looks at the steps in between nothing is freed before the end", () => {
  const steps = makeSteps();
  const run = (x: Tensor) => noGrad(() => runInTurn(x, steps));
  const all = [true, true, true, true];
  assert.deepEqual(
    survivors(steps, (x) =>
      recordCalls(
        () => {},
        () => run(x),
      ),
    ),
    all,
  );
  const unhook = onForward(new Identity(), () => {});
  assert.deepEqual(survivors(steps, run), all);
  unhook();
  assert.deepEqual(survivors(steps, run), [false, false, false, true]);
});

test("the input lives on, also as the result of modules that return it, and of no modules", () => {
  scope(() => {
    const x = ones([1]);
    assert.equal(runInTurn(x, [new Identity(), new Identity()]), x);
    assert.equal(runInTurn(x, []), x);
    assert.equal(noGrad(() => new Sequential(new Identity(), new Step()).forward(x)).item(), 4);
    assert.ok(!x.disposed);
  });
});
