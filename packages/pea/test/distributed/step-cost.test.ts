/** The cost of a step in several processes: its formula, and the table of docs/distributed.md, which `PEA_RENEW=1` writes anew. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { allReduceCost, stepCost } from "../../src/distributed/step-cost.ts";
import { createModel } from "../../src/models/index.ts";

/** Sums in a ring, message by message; what each of the rounds that all ranks send in together carries, in numbers. */
function sumInRing(ranks: number[][]): number[] {
  const count = ranks.length;
  const size = (ranks[0] as number[]).length / count;
  const rounds: number[] = [];
  const send = (chunkOf: (rank: number) => number, put: (into: number, sent: number) => number) => {
    const sent = ranks.map((own, rank) => own.slice(chunkOf(rank) * size, (chunkOf(rank) + 1) * size));
    for (const [rank, chunk] of sent.entries()) {
      const next = ranks[(rank + 1) % count] as number[];
      for (const [i, value] of chunk.entries()) {
        const place = chunkOf(rank) * size + i;
        next[place] = put(next[place] as number, value);
      }
    }
    rounds.push(size);
  };
  const chunk = (number: number) => ((number % count) + count) % count;
  for (let round = 0; round < count - 1; round++)
    send(
      (rank) => chunk(rank - round),
      (into, sent) => into + sent,
    );
  for (let round = 0; round < count - 1; round++)
    send(
      (rank) => chunk(rank + 1 - round),
      (_, sent) => sent,
    );
  return rounds;
}

describe("summing gradients", () => {
  it("takes the rounds of a ring, each with its latency and an N-th of the bytes", () => {
    for (const count of [2, 3, 4, 8]) {
      const parameters = 24;
      const ranks = Array.from({ length: count }, (_, rank) =>
        Array.from({ length: parameters }, (_, i) => rank + i),
      );
      const rounds = sumInRing(ranks);
      const sum = (i: number) => (count * (count - 1)) / 2 + count * i;
      for (const own of ranks)
        assert.deepEqual(
          own,
          Array.from({ length: parameters }, (_, i) => sum(i)),
        );
      const seconds = rounds.reduce((total, numbers) => total + 0.5 + (32 * numbers) / 64, 0);
      const cost = allReduceCost(parameters, { ranks: count, bitsPerSecond: 64, latency: 0.5 });
      assert.ok(Math.abs(cost - seconds) < 1e-12);
    }
  });

  it("took two ranks on one machine about as long as it gives by what one number and many take", () => {
    // Numbers, and milliseconds: the least of nine medians of five (ProcessGroup.allReduce, Gloo, loopback, two cores).
    const [least, ...others] = [
      [1, 0.17],
      [100_000, 0.53],
      [475_544, 1.47],
      [1_048_576, 3.52],
      [4_000_000, 13.2],
      [25_557_032, 81.7],
      [11_689_512, 41.9],
    ].map(([numbers = 0, milliseconds = 0]) => ({ numbers, seconds: milliseconds / 1000 }));
    const [most] = others.splice(-1);
    assert.ok(least && most);
    const link = {
      ranks: 2,
      latency: least.seconds / 2,
      bitsPerSecond: (32 * most.numbers) / (most.seconds - least.seconds),
    };
    for (const { numbers, seconds } of others) {
      const ratio = allReduceCost(numbers, link) / seconds;
      assert.ok(ratio > 0.75 && ratio < 1.3, `${numbers} numbers: ${ratio}`);
    }
  });

  // 2^20 numbers are a bucket; two ranks sum one in two seconds.
  const [bucket, link] = [2 ** 20, { ranks: 2, bitsPerSecond: 16 * 2 ** 20, latency: 0 }];

  it("goes on beside backward, so that the last bucket alone is waited for where the network is fast", () => {
    const work = { parameters: [bucket, bucket, bucket], forward: 4, backward: 6 };
    assert.deepEqual(stepCost(work, link), { reduction: 6, waiting: 2 / 12 });
  });

  it("is waited for where it takes longer than what is left of backward", () => {
    const work = { parameters: [bucket, bucket, bucket], forward: 1, backward: 3 };
    // From the first bucket on, after a second.
    assert.deepEqual(stepCost(work, link), { reduction: 6, waiting: 4 / 8 });
  });

  it("has the parameters of a network, the last first, in buckets that are full once they have 4 MiB", () => {
    const work = { parameters: [1, bucket - 1, 2 * bucket, bucket - 1, 1], forward: 0, backward: 1 };
    const latency = { ...link, latency: 1 };
    // 4, 8 and 4 MiB: two messages each.
    assert.equal(stepCost(work, latency).reduction, 3 * 2 + 2 + 4 + 2);
  });

  it("costs one process nothing", () => {
    const work = { parameters: [bucket], forward: 1, backward: 1 };
    assert.deepEqual(stepCost(work, { ...link, ranks: 1 }), { reduction: 0, waiting: 0 });
  });
});

/** Images of a process in a step, and the seconds of their passes with ReLU on two cores (bench/results.json). */
const measured = {
  "mobilenet-0.25": { images: 64, forward: 0.06, backward: 0.13 },
  resnet18: { images: 64, forward: 0.39, backward: 0.81 },
  resnet50: { images: 16, forward: 0.32, backward: 0.71 },
  "alexnet-bn": { images: 64, forward: 0.21, backward: 0.42 },
  "erfnet-segmentation": { images: 4, forward: 0.22, backward: 0.52 },
};
const ranks = [2, 4, 16, 64, 256];

function rowsOf(
  name: string,
  { images, forward, backward }: { images: number; forward: number; backward: number },
): string[] {
  const model = createModel(name);
  const parameters = model.parameters().map(({ numel }) => numel);
  model.dispose();
  const megabytes = (4 * parameters.reduce((sum, numbers) => sum + numbers, 0)) / 1e6;
  return [1, 10, 100].map((gigabits) => {
    const shares = ranks.map((ranks) => {
      const { waiting } = stepCost(
        { parameters, forward, backward },
        { ranks, bitsPerSecond: gigabits * 1e9, latency: 50e-6 },
      );
      return `${(100 * waiting).toFixed(waiting < 0.1 ? 1 : 0)} %`;
    });
    const seconds = `${forward} + ${backward}`;
    const first = [name, images, megabytes.toFixed(1), seconds, gigabits];
    return `| ${[...first, ...shares].join(" | ")} |`;
  });
}

it("docs/distributed.md has the table of the formula", () => {
  const page = fileURLToPath(new URL("../../../../docs/distributed.md", import.meta.url));
  const heads = ["network", "images", "MB", "passes, s", "Gbit/s", ...ranks.map((count) => `${count} ranks`)];
  const table = [
    `| ${heads.join(" | ")} |`,
    `|${heads.map(() => "---|").join("")}`,
    ...Object.entries(measured).flatMap(([name, work]) => rowsOf(name, work)),
  ].join("\n");
  const text = readFileSync(page, "utf8");
  const renewed = text.replace(
    /<!-- cost -->.*<!-- end of cost -->/s,
    () => `<!-- cost -->\n${table}\n<!-- end of cost -->`,
  );
  if (process.env.PEA_RENEW) writeFileSync(page, renewed);
  assert.ok(text.includes(table), "PEA_RENEW=1 with this test writes the table anew");
});
