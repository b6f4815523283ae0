import assert from "node:assert/strict";
import { test } from "node:test";
import { type Duration, durationToSteps, formatDuration, parseDuration } from "@pea/core";
import fc from "fast-check";
import { assertUsageError } from "./usage-error.ts";

test("durations are epochs, shares of the run, or steps", () => {
  const cases: [string | number, Duration][] = [
    ["5ep", { unit: "epochs", value: 5 }],
    ["2.5ep", { unit: "epochs", value: 2.5 }],
    [5, { unit: "epochs", value: 5 }],
    ["5", { unit: "epochs", value: 5 }],
    ["0.75dur", { unit: "share", value: 0.75 }],
    ["75%", { unit: "share", value: 0.75 }],
    ["7%", { unit: "share", value: 0.07 }],
    ["62.553%", { unit: "share", value: 0.62553 }],
    ["100%", { unit: "share", value: 1 }],
    ["1200st", { unit: "steps", value: 1200 }],
    ["0ep", { unit: "epochs", value: 0 }],
    [`${5 / 120}dur`, { unit: "share", value: 5 / 120 }],
    ["1e-7dur", { unit: "share", value: 1e-7 }],
  ];
  for (const [text, duration] of cases) assert.deepEqual(parseDuration(text), duration, String(text));
});

test("what is no duration is refused with the forms there are", () => {
  for (const text of [
    "",
    "ep",
    "five",
    "5 ep",
    "-1ep",
    "5epochs",
    "ep5",
    ".5dur",
    "1,5ep",
    "75%%",
    "1e999ep",
  ]) {
    assertUsageError(
      () => parseDuration(text),
      /^duration ".*" cannot be read; write epochs \(5ep\), a share/,
    );
  }
  for (const number of [-1, Number.NaN, Infinity])
    assertUsageError(() => parseDuration(number), /cannot be read/);
  assertUsageError(() => parseDuration("2.5st"), /"2.5st" is not a whole number of steps/);
  assertUsageError(() => parseDuration("101%"), /"101%" is more than the whole run/);
  assertUsageError(() => parseDuration("1.5dur"), /"1.5dur" is more than the whole run/);
});

test("a duration written and read again is the same", () => {
  const durations: fc.Arbitrary<Duration> = fc.oneof(
    fc.record({ unit: fc.constant("steps" as const), value: fc.maxSafeNat() }),
    fc.record({ unit: fc.constant("epochs" as const), value: fc.double({ min: 0, max: 1e30, noNaN: true }) }),
    fc.record({ unit: fc.constant("share" as const), value: fc.double({ min: 0, max: 1, noNaN: true }) }),
  );
  fc.assert(
    fc.property(durations, ({ unit, value }) => {
      // Text knows no −0.
      const duration = { unit, value: value + 0 };
      assert.deepEqual(parseDuration(formatDuration(duration)), duration);
    }),
  );
});

test("durations in steps, for 120 epochs of 5,004 steps and for short runs", () => {
  const imagenet = { stepsPerEpoch: 5004, totalSteps: 120 * 5004 };
  assert.equal(durationToSteps(parseDuration("5ep"), imagenet), 25_020);
  assert.equal(durationToSteps(parseDuration("115ep"), imagenet), 575_460);
  assert.equal(durationToSteps(parseDuration("75%"), imagenet), 450_360);
  assert.equal(durationToSteps(parseDuration(`${5 / 120}dur`), imagenet), 25_020);
  assert.equal(durationToSteps(parseDuration("1200st"), imagenet), 1200);
  assert.equal(durationToSteps(parseDuration("200ep"), imagenet), 1_000_800, "longer than the run");
  const short = { stepsPerEpoch: 7, totalSteps: 10 };
  assert.equal(durationToSteps(parseDuration("0.5ep"), short), 4, "3.5 steps are rounded up");
  assert.equal(durationToSteps(parseDuration("33%"), short), 3);
  assert.equal(durationToSteps(parseDuration("0%"), short), 0);
  assert.equal(durationToSteps(parseDuration("100%"), short), 10);
});

test("a run without whole steps is refused", () => {
  const duration = parseDuration("5ep");
  assertUsageError(
    () => durationToSteps(duration, { stepsPerEpoch: 0, totalSteps: 10 }),
    /stepsPerEpoch must be a whole number of at least 1, not 0/,
  );
  assertUsageError(
    () => durationToSteps(duration, { stepsPerEpoch: 5, totalSteps: 7.5 }),
    /totalSteps must be a whole number of at least 1, not 7.5/,
  );
});
