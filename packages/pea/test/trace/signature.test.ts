import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSignature, signatureOf } from "../../src/trace/signature.ts";

test("a signature is read with names, lengths of lists and what is left out", () => {
  const text =
    'aten::conv2d.padding(Tensor input, Tensor? bias=None, int[2] stride=1, str padding="valid", SymInt[2] size=[], *, float eps=1e-05, bool ceil_mode=False, Tensor(a!)[] out) -> (Tensor(a), Tensor)';
  assert.deepEqual(parseSignature(text), [
    { name: "input" },
    { name: "bias", absent: null },
    { name: "stride", length: 2, absent: 1 },
    { name: "padding", absent: "valid" },
    { name: "size", length: 2, absent: [] },
    { name: "eps", absent: 1e-5 },
    { name: "ceil_mode", absent: false },
    { name: "out" },
  ]);
  assert.deepEqual(parseSignature("aten::now() -> int"), []);
});

test("libtorch's own are there", () => {
  assert.deepEqual(
    signatureOf("aten::max_pool2d").map(({ name }) => name),
    ["self", "kernel_size", "stride", "padding", "dilation", "ceil_mode"],
  );
});
