import assert from "node:assert/strict";
import { test } from "node:test";
import { busyShare, parseProcessorTimes } from "../machine.ts";

test("processors are busy while they neither idle nor wait for a disk", () => {
  //                                  user nice system idle iowait irq softirq steal guest guest_nice
  const before = parseProcessorTimes("cpu  100 10 20 800 40 1 2 7 50 5\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
  assert.deepEqual(before, { total: 980, idle: 840 });
  const after = parseProcessorTimes("cpu  130 15 25 930 60 2 3 15 60 5\n");
  assert.equal(busyShare(before, after), 0.25);
  assert.equal(busyShare(before, before), 0);
});
