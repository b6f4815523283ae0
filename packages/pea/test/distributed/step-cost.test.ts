/** The cost of a step in several processes: its formula, and the table of docs/distributed.md, which `PEA_RENEW=1` writes anew. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ones, ProcessGroup, TCPStore } from "@pea/torch";
import { allReduceCost, stepCost } from "../../src/distributed/step-cost.ts";
import { createModel } from "../../src/models/index.ts";

/** Groups of this process, by rank, which sum over sockets. */
async function groupsOf(worldSize: number): Promise<ProcessGroup[]> {
  const { port } = await TCPStore.connect({ host: "127.0.0.1", port: 0, isServer: true });
  return Promise.all(
    Array.from({ length: worldSize }, async (_, rank) => {
      const store = await TCPStore.connect({ host: "127.0.0.1", port, isServer: false });
      return ProcessGroup.connect(store, { rank, worldSize, host: "127.0.0.1" });
    }),
  );
}

/** What this process has written, to sockets too, in bytes. */
const bytesWritten = (): number => Number(/^wchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);

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

  for (const count of [2, 3, 4])
    it(`sends of each of ${count} ranks what the formula counts, in sums over sockets`, async () => {
      const groups = await groupsOf(count);
      const tensors = groups.map(() => ones([1_200_000]));
      const before = bytesWritten();
      await Promise.all(tensors.map((own, rank) => groups[rank]?.allReduce(own)));
      const sent = (bytesWritten() - before) / count;
      // What is written before and after are the heads of messages.
      const link = { ranks: count, bitsPerSecond: 8, latency: 0 };
      const ratio = sent / allReduceCost(1_200_000, link);
      assert.ok(ratio >= 1 && ratio < 1.01, `${sent} bytes: ${ratio} times what the formula counts`);
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

/** Layers of the networks, the last first, as they fill buckets of 2^20 numbers and more. */
const buckets = {
  // One for all.
  "mobilenet-0.25": [470_072],
  resnet18: [
    // The head, and the second convolution of layer4.1 with its batch norm: 512·9·512 + 2·512.
    1000 + 512_000 + 1024 + 2_359_296,
    1024 + 2_359_296,
    // The shortcut of layer4.0, 256·512, and its second convolution.
    1024 + 131_072 + 1024 + 2_359_296,
    1024 + 1_179_648,
    // layer3.1.
    2 * (512 + 589_824),
    // layer3.0 with its shortcut, and the second convolution of layer2.1.
    512 + 32_768 + 512 + 589_824 + 512 + 294_912 + 256 + 147_456,
    // The rest of layer2, layer1 and the first convolution.
    256 + 147_456 + 256 + 8192 + 256 + 147_456 + 256 + 73_728 + 4 * (128 + 36_864) + 128 + 9408,
  ],
  "alexnet-bn": [
    4_097_000,
    2 * 4096 + 4096 * 4096,
    2 * 4096 + 9216 * 4096,
    // features.4 and features.3, of two groups each.
    512 + 442_368 + 768 + 663_552,
    768 + 884_736 + 512 + 307_200,
    192 + 34_848,
  ],
};

/** Parameters of docs/spec/networks.md. */
const specified = {
  "mobilenet-0.25": 470_072,
  resnet18: 11_689_512,
  resnet50: 25_557_032,
  "alexnet-bn": 60_974_792,
  "erfnet-segmentation": 2_064_191,
};

function parametersOf(network: string): number[] {
  const model = createModel(network);
  const numbers = model.parameters().map(({ numel }) => numel);
  model.dispose();
  return numbers;
}

const isNear = (value: number, expected: number, what: string) =>
  assert.ok(Math.abs(value / expected - 1) < 1e-9, `${what}: ${value}, not ${expected}`);

describe("a step of one of the paper's networks costs what is worked out by hand:", () => {
  for (const [network, numbers] of Object.entries(specified))
    it(`${network}, ${numbers} gradients of 4 bytes, of which each rank sends 2 (N − 1) / N`, () => {
      const work = { parameters: parametersOf(network), forward: 0.1, backward: 0.2 };
      for (const [ranks, share] of [
        [2, 1],
        [4, 3 / 2],
        [16, 15 / 8],
        [256, 255 / 128],
      ] as const)
        for (const bytesPerSecond of [125e6, 1.25e9, 12.5e9])
          isNear(
            stepCost(work, { ranks, bitsPerSecond: 8 * bytesPerSecond, latency: 0 }).reduction,
            (share * 4 * numbers) / bytesPerSecond,
            `${ranks} ranks, ${bytesPerSecond} bytes a second`,
          );
    });

  for (const [network, sizes] of Object.entries(buckets))
    it(`${network}, of whose gradients each bucket has a latency of its own: ${sizes.length}`, () => {
      const work = { parameters: parametersOf(network), forward: 0.1, backward: 0.2 };
      const total = sizes.reduce((sum, numbers) => sum + numbers, 0);
      assert.equal(total, specified[network as keyof typeof buckets]);
      const link = { bitsPerSecond: Number.POSITIVE_INFINITY, latency: 1 };
      assert.equal(stepCost(work, { ranks: 2, ...link }).reduction, 2 * sizes.length);
      assert.equal(stepCost(work, { ranks: 16, ...link }).reduction, 30 * sizes.length);
    });

  const wait = (network: keyof typeof buckets, ranks: number, gigabits: number) => {
    const work = { parameters: parametersOf(network), ...measured[network] };
    return stepCost(work, { ranks, bitsPerSecond: gigabits * 1e9, latency: 50e-6 }).waiting;
  };

  it("MobileNet-0.25's one bucket is waited for as a whole", () => {
    // Two messages of 940,144 bytes at 125 MB/s, and 50 µs each: 15.142 ms, beside 190.
    isNear(wait("mobilenet-0.25", 2, 1), 0.015142304 / (0.19 + 0.015142304), "share");
  });

  it("ResNet-18's last bucket alone is waited for at 10 Gbit/s", () => {
    // 30 messages of 535,360 / 16 numbers, 133,840 bytes at 1.25 GB/s, and 50 µs each: 4.712 ms, beside 1200.
    isNear(wait("resnet18", 16, 10), 0.00471216 / (1.2 + 0.00471216), "share");
  });

  it("of AlexNet at 1 Gbit/s backward's end is far before that of the sums, which follow its first sixth", () => {
    // Twice 121,949,584 bytes at 125 MB/s are 1.951193344 s, and twelve latencies 0.0006; 0.07 before, of 0.42.
    const waits = 0.07 + 1.951193344 + 0.0006 - 0.42;
    isNear(wait("alexnet-bn", 2, 1), waits / (0.63 + waits), "share");
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
  const parameters = parametersOf(name);
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
