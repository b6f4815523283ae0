import assert from "node:assert/strict";
import { test } from "node:test";
import { createCounter } from "../../src/terminal/counter.ts";

test("in a pipe, a line every ten seconds tells how far it is, and how long the rest takes at the speed since it began", (t) => {
  let now = 1000;
  t.mock.method(performance, "now", () => now);
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) > 0 } as unknown as typeof process.stderr;
  // 20 were done before anybody counted.
  const counter = createCounter(1020, 20, stream);
  now += 9_000;
  counter.update(110);
  assert.deepEqual(written, []);
  now += 1_000;
  counter.update(120);
  assert.deepEqual(written, ["120 of 1020 images, 1 min 30 s left\n"]);
  now += 60_000;
  counter.update(1020);
  assert.equal(written.length, 1, "the end needs no line");
});
