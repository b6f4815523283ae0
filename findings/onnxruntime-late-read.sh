#!/usr/bin/env bash
# package: onnxruntime-node 1.30.0 (npm, Node.js 20)
# guess:   session.run(), which returns a promise, takes the values of its inputs when it is called and computes beside
#          the event loop, so that a buffer may be filled with the next images meanwhile
# happens: it begins in a later turn of the event loop and reads the array then: what is written behind the call is what
#          it computes with. The computation itself holds the event loop up: no timer fires in it
# output:  x was 1 at the call and 5 behind it: 3x is 15; timers fired within a run: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts onnxruntime-node@1.30.0

cat >run.mjs <<'JAVASCRIPT'
import assert from "node:assert/strict";
import { InferenceSession, Tensor } from "onnxruntime-node";

// An ONNX file by hand: x + x + x + … for x of any length.
const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
const bytes = (field, content) => [...varint((field << 3) | 2), ...varint(content.length), ...content];
const text = (field, words) => bytes(field, [...Buffer.from(words)]);
const number = (field, n) => [...varint(field << 3), ...varint(n)];
const floats = (field, name) =>
  bytes(field, [...text(1, name), ...bytes(2, bytes(1, [...number(1, 1), ...bytes(2, bytes(1, text(2, "n")))]))]);
function sums(times) {
  const nodes = Array.from({ length: times }, (_, i) =>
    bytes(1, [
      ...text(1, i === 0 ? "x" : `sum${i - 1}`),
      ...text(1, "x"),
      ...text(2, i === times - 1 ? "y" : `sum${i}`),
      ...text(4, "Add"),
    ]),
  );
  const graph = [...nodes.flat(), ...text(2, "sums"), ...floats(11, "x"), ...floats(12, "y")];
  return Uint8Array.from([...number(1, 8), ...bytes(8, number(2, 13)), ...bytes(7, graph)]);
}

const x = new Float32Array(2 ** 20).fill(1);
const feeds = { x: new Tensor("float32", x, [x.length]) };
const running = (await InferenceSession.create(sums(2))).run(feeds);
x.fill(5);
const { y } = await running;
const answers = new Set(y.data);

const long = await InferenceSession.create(sums(400), { graphOptimizationLevel: "disabled" });
let fired = 0;
const start = performance.now();
const timer = setInterval(() => fired++, 1);
await long.run(feeds);
clearInterval(timer);
assert.ok(performance.now() - start > 20, "too short a run to tell");
console.log(`x was 1 at the call and 5 behind it: 3x is ${[...answers]}; timers fired within a run: ${fired}`);
assert.deepEqual([...answers, fired], [15, 0], "onnxruntime-node reads inputs at the call, or lets timers fire");
JAVASCRIPT
node run.mjs
