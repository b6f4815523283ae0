/** Networks that pad as TensorFlow's SAME train on the fused convolutions as those that pad on both sides do. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { depthwise, ownConvolution, useKernels } from "@pea/kernels";
import { contiguous, deferralOf, randn, scope, setConvKernel, setNumThreads } from "@pea/torch";
import { createModel } from "../../src/models/index.ts";

setNumThreads(1);

describe("depthwise convolutions that pad as SAME", { skip: !useKernels() }, () => {
  let all = 0;
  let own = 0;
  let deferred = 0;

  before(() =>
    setConvKernel((input, weight, options) => {
      if (weight.shape[1] !== 1) return ownConvolution(input, weight, options);
      all++;
      if (deferralOf(input) !== undefined) deferred++;
      const result = depthwise(input, weight, options);
      if (result !== undefined) own++;
      return result;
    }),
  );
  after(() => setConvKernel(ownConvolution));

  for (const { name, options = {}, size } of [
    { name: "mobilenet-0.25", options: { padding: "same" }, size: 64 },
    { name: "mobilenet-0.25", options: { padding: "same" }, size: 50 },
    { name: "efficientnet-lite0", size: 64 },
    { name: "mobilenet-vww", size: 96 },
  ]) {
    test(`${name} ${JSON.stringify(options)}, ${size}×${size}: all by the kernel, of what batch norms defer`, () => {
      [all, own, deferred] = [0, 0, 0];
      const model = createModel(name, options).to({ memoryFormat: "channels_last" });
      const x = contiguous(randn([2, 3, size, size]), { memoryFormat: "channels_last" });
      scope(() => void model.forward(x));
      assert.ok(all > 12, `${all} depthwise convolutions`);
      assert.equal(own, all);
      assert.ok(deferred >= all - 1, `${deferred} of ${all} inputs are deferred`);
    });
  }
});
