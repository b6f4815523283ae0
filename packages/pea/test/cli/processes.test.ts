// Several processes on one machine: how they are started, and what becomes of them where one fails or all are stopped.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readSafetensors } from "@pea/torch";
import { runTrain } from "../../src/cli/train.ts";
import { makeDirectory } from "../../src/common/make-directory.ts";
import { connectRanks } from "../../src/distributed/connect-ranks.ts";
import { launch } from "../../src/distributed/launch.ts";
import { type Launched, launchedAs } from "../../src/distributed/launched.ts";
import type { TrainResult } from "../../src/run/result.ts";
import { lockRun } from "../../src/run/run-lock.ts";
import { train } from "../../src/train/train.ts";
import { type Outcome, outcomeOf, said, startPea, startPeaIn } from "../support/pea-process.ts";
import { processesOf, sharedWeightsOf } from "../support/shared-run.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";
import { usage } from "../support/usage-error.ts";

const dataDir = writeTinyData({ train: 120, test: 20 });
const recipe = {
  model: "resnet8",
  dataDir,
  pea: "SM50%",
  valFraction: 0,
  epochs: 2,
  batchSize: 12,
  checkpointEverySteps: 3,
  threads: 1,
};
const words = [
  ...["train", "--model", "resnet8", "--data-dir", dataDir, "--pea", "SM50%", "--val-fraction", "0"],
  ...["--epochs", "2", "--batch-size", "12", "--checkpoint-every-steps", "3", "--threads", "1"],
];

const start = (more: readonly string[], variables: NodeJS.ProcessEnv = {}): ChildProcess =>
  startPeaIn(variables, ...words, ...more);

/** How often one of two processes is killed, at random moments: `PEA_KILLS`, 1 where it is not set. */
const kills = Number(process.env.PEA_KILLS ?? 1);
/** Longest time from the first step to a kill, in milliseconds. */
const LONGEST = 400;

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** Two processes that begin a run, or go on with one, and have come to its first step. */
async function begun(path: string) {
  const launcher = existsSync(join(path, "config.yaml"))
    ? startPea("train", "--resume", path, "--processes", "2")
    : start(["--processes", "2", "--run", path]);
  const ended = outcomeOf(launcher);
  await Promise.race([said(launcher.stderr as NodeJS.ReadableStream, /^run: .*\n/m), ended]);
  return { launcher, ended, ranks: processesOf(launcher) };
}

/**
 * Two processes, of which one is killed at a random moment of their training.
 *
 * @returns whether it was; false where they had come to the end before
 */
async function trainUntilOneIsKilled(path: string, tell: (line: string) => void): Promise<boolean> {
  const { ended, ranks } = await begun(path);
  await sleep(Math.random() * LONGEST);
  const rank = Math.floor(Math.random() * 2);
  const start = performance.now();
  if (ranks.length === 2) process.kill(ranks[rank] as number, "SIGKILL");
  const { code, stderr } = await ended;
  assert.deepEqual(ranks.filter(isAlive), []);
  if (existsSync(join(path, "result.json"))) return false;
  tell(`without rank ${rank} the other had ended after ${Math.round(performance.now() - start)} ms`);
  assert.equal(code, 1, stderr);
  const speaker = rank === 0 ? "rank 1: " : "";
  assert.match(
    stderr,
    new RegExp(`pea: ${speaker}rank ${rank} \\(process ${ranks[rank]} on .*\\) has ended`),
  );
  assert.match(stderr, new RegExp(`rank ${rank} was ended by SIGKILL`));
  const advice = `the last checkpoint stands; once the cause is mended, go on with: npx pea-train train --resume ${path} --processes 2\n`;
  const isBegun = existsSync(join(path, "checkpoints/last.safetensors"));
  assert.equal(stderr.split(advice).length - 1, isBegun ? 1 : 0, stderr);
  return true;
}

/** A rank that does not speak, but for whom it waits for where that takes long. */
function assertSilent({ code, stdout, stderr }: Outcome): void {
  const words = stderr.replace(/^waiting for rank 0 of 2 .*\n/, "");
  assert.deepEqual({ code, stdout, words }, { code: 0, stdout: "", words: "" });
}

/** Goes on with a run as torchrun starts processes again. */
async function trainAgain(path: string): Promise<void> {
  const port = String(20_000 + (process.pid % 10_000));
  const variables = { WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: port };
  const again = [0, 1].map((rank) =>
    outcomeOf(start(["--run", path], { ...variables, RANK: String(rank), TORCHELASTIC_RESTART_COUNT: "1" })),
  );
  const [first, second] = (await Promise.all(again)) as [Outcome, Outcome];
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /run: /);
  assertSilent(second);
}

describe("two processes", () => {
  it(`of which one is killed, ${kills} times, end with an error that names it, and come to the weights of a run never disturbed`, async (t) => {
    const folder = temporaryFolder();
    const whole = await train({ ...recipe, microBatch: 6 }, { runDirectory: join(folder, "whole") });
    const expected = sharedWeightsOf(whole.runDirectory);
    let run = join(folder, "0");
    for (let killed = 0, runs = 1; killed < kills; ) {
      if (await trainUntilOneIsKilled(run, (line) => t.diagnostic(line))) killed++;
      else {
        assert.deepEqual(sharedWeightsOf(run), expected);
        run = join(folder, `${runs++}`);
      }
    }
    await trainAgain(run);
    assert.deepEqual(sharedWeightsOf(run), expected);
  });

  it("stop with a checkpoint where their launcher is told to, and none stays behind", async () => {
    const stopped = await begun(join(temporaryFolder(), "stopped"));
    stopped.launcher.kill("SIGTERM");
    const { code, stderr } = await stopped.ended;
    assert.equal(code, 143);
    assert.match(
      stderr,
      /training stopped after step \d+; a checkpoint is written; go on with: .* --processes 2$/m,
    );
    assert.deepEqual(stopped.ranks.filter(isAlive), []);
  });

  it("that synchronize batch norm train as one does with whole batches, to the rounding of their sums", async () => {
    // Statistics are computed anew, and the first of them looks into the network while the other trains. Four steps: after
    // more, rounding has put some value on the other side of a ReLU's zero, as two threads do with one process, too.
    const few = writeTinyData({ train: 30, test: 20 });
    const own = {
      ...{ ...recipe, dataDir: few, batchSize: 10, pea: "WG50%", lr: 0.05, syncBatchNorm: true },
      ...{ valFraction: 0.2, methods: [{ swa: { reestimate: 4 } }], diagnose: true },
    };
    const folder = temporaryFolder();
    const whole = await train(own, { runDirectory: join(folder, "whole") });
    const variables = {
      WORLD_SIZE: "2",
      MASTER_ADDR: "127.0.0.1",
      MASTER_PORT: `${31_000 + (process.pid % 1000)}`,
    };
    const more = [
      ...[
        "--data-dir",
        few,
        "--batch-size",
        "10",
        "--pea",
        "WG50%",
        "--lr",
        "0.05",
        "--sync-batch-norm",
        "--val-fraction",
        "0.2",
      ],
      ...["--methods", '[{"swa":{"reestimate":4}}]', "--diagnose", "--run", join(folder, "shared")],
    ];
    const other = outcomeOf(start(more, { ...variables, RANK: "1" }));
    const ranks = await connectRanks(launchedAs({ ...variables, RANK: "0" }) as Launched);
    const shared = await train(own, { runDirectory: join(folder, "shared"), ranks });
    await ranks.close();
    // Where rank 0 was reached.
    const successor = createServer().listen(Number(variables.MASTER_PORT));
    await once(successor, "listening");
    successor.close();
    assertSilent(await other);
    // Weights and running statistics.
    const numbers = ({ runDirectory }: TrainResult) =>
      [...readSafetensors(join(runDirectory, "checkpoints/last.safetensors")).tensors].flatMap(
        ([key, one]) => (key.includes("/") ? [] : Array.from(one.toTypedArray(), Number)),
      );
    const expected = numbers(whole);
    const differences = numbers(shared).map((value, i) => Math.abs(value - (expected[i] as number)));
    assert.equal(differences.length, expected.length);
    const largest = differences.reduce((a, b) => Math.max(a, b));
    assert.ok(largest < 1e-5, `${largest}`);
    assert.ok(Math.abs(shared.last.test.loss - whole.last.test.loss) < 1e-5);
  });

  it("wait for one another as long as they are told to", async () => {
    const variables = { RANK: "0", WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "0" };
    const { code, stderr } = await outcomeOf(start(["--timeout", "1"], variables));
    assert.equal(code, 1);
    assert.match(
      stderr,
      /of 2 ranks rank 1 did not come within 1000 ms; .*; where they need longer, give more than --timeout 1$/m,
    );
  });

  it("are told how to wait longer where one does not answer", async () => {
    const path = join(temporaryFolder(), "run");
    const [first, second] = byHand(2, ["--timeout", "8", "--epochs", "200", "--run", path]);
    const ended = outcomeOf(first);
    await Promise.race([said(first.stderr as NodeJS.ReadableStream, /^run: .*\n/m), ended]);
    second.kill("SIGSTOP");
    const { code, stderr } = await ended;
    second.kill("SIGKILL");
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /^pea: rank 1 \(.*\) does not answer \(.*the others did not come within the timeout of 8000 ms\); where they need longer, give more than --timeout 8$/m,
    );
  });
});

/** So many processes, by rank, at a port of this test's own. */
function byHand(size: number, more: readonly string[], ranks = [...Array(size).keys()]): ChildProcess[] {
  const port = String(20_000 + ((process.pid + ports++ * 97) % 10_000));
  const variables = { WORLD_SIZE: String(size), MASTER_ADDR: "127.0.0.1", MASTER_PORT: port };
  return ranks.map((rank) => start(more, { ...variables, RANK: String(rank) }));
}
let ports = 1;

describe("processes that wait for others", () => {
  it("say after some seconds for whom and where, the first of them alone", async () => {
    const children = byHand(4, ["--timeout", "7"], [0, 2]);
    const [first, third] = (await Promise.all(children.map(outcomeOf))) as [Outcome, Outcome];
    assert.match(first.stderr, /^waiting for ranks 1 and 3 of 4 at 127\.0\.0\.1:\d+ \(up to 7 s\)$/m);
    assert.doesNotMatch(third.stderr, /waiting for ranks/);
    for (const { code, stderr } of [first, third]) {
      assert.equal(code, 1);
      assert.match(stderr, /of 4 ranks ranks 1 and 3 did not come within 7000 ms/);
    }
  });

  it("say so where it is rank 0, which they cannot ask, and that its port is the usual one", async () => {
    const lines: string[] = [];
    // The engine gives up a second early.
    const launched = { ...(launchedAs({ ...nowhere, RANK: "1" }) as Launched), port: 1 };
    await assert.rejects(
      connectRanks(launched, { timeout: 8, onWaiting: (line) => lines.push(line) }),
      /MASTER_ADDR and MASTER_PORT \(1 where it is not set\) must say where rank 0 listens/,
    );
    assert.deepEqual(lines, ["waiting for rank 0 of 2 at 127.0.0.1:1 (MASTER_PORT is not set; up to 8 s)"]);
  });

  it("are refused, both, where they have one rank", async () => {
    for (const rank of [0, 1]) {
      const children = byHand(3, ["--timeout", "60"], [0, rank, rank].slice(rank === 0 ? 1 : 0));
      const outcomes = await Promise.all(children.map(outcomeOf));
      const pids = children.slice(-2).map(({ pid }) => pid);
      for (const { code, stderr } of outcomes) {
        assert.equal(code, 1, stderr);
        const told = new RegExp(
          `rank ${rank} was given to two processes, (\\d+) on .* and (\\d+) on .*; give each`,
        );
        assert.deepEqual(told.exec(stderr)?.slice(1).map(Number).sort(), pids.sort(), stderr);
      }
    }
  });
});

/** Variables of two processes but for the rank, and the port. */
const nowhere = { WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1" };

/** What a rank of two says that are told to meet at a port; the engine's own log goes before. */
async function meetAt(port: number, rank = 1, ...more: string[]): Promise<Outcome> {
  const variables = { RANK: `${rank}`, WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: `${port}` };
  return outcomeOf(start(["--timeout", "1", ...more], variables));
}

describe("a process that does not find the others", () => {
  it("ends, though another program listens at their port that never answers", async () => {
    const program = createServer().listen(0, "127.0.0.1");
    await once(program, "listening");
    const { code, stderr } = await meetAt((program.address() as AddressInfo).port);
    program.close();
    assert.equal(code, 1, stderr);
    // Engines differ in whether they expect an answer when they connect.
    assert.match(
      stderr,
      /^pea: rank 1: (the store did not answer within 5000 ms; the process that holds it|TCPStore.connect .* no answer within 6000 ms; MASTER_ADDR)/m,
    );
  });

  it("ends, though a program listens there that speaks first, be it rank 0, which was to listen itself", async () => {
    const program = createServer((socket) => socket.on("error", () => {}).write("SSH-2.0-OpenSSH_9.2p1\r\n"));
    program.listen(0, "127.0.0.1");
    await once(program, "listening");
    const { port } = program.address() as AddressInfo;
    const [first, second] = (await Promise.all([meetAt(port, 0), meetAt(port)])) as [Outcome, Outcome];
    program.close();
    assert.equal(second.code, 1, second.stderr);
    assert.match(
      second.stderr,
      /^pea: rank 1: another program listens at 127.0.0.1:\d+ \(it says "SSH-2.0-OpenSSH_9.2p1"\); MASTER_ADDR and/m,
    );
    assert.equal(first.code, 1, first.stderr);
    assert.match(
      first.stderr,
      /and MASTER_PORT a port that is free on it: another program may listen there$/m,
    );
  });

  it("says where they must be found, and which rank it is, in a stack too", async () => {
    const { code, stderr } = await meetAt(1);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^pea: rank 1: TCPStore.connect 127.0.0.1:1: .*[^.]; MASTER_ADDR and MASTER_PORT must say where rank 0 listens/m,
    );
    const { stderr: stack } = await meetAt(1, 1, "--debug");
    assert.match(stack, /^\w*Error: rank 1: TCPStore.connect 127.0.0.1:1: .*listens.*\n {4}at /m);
  });
});

describe("processes that are started together", () => {
  it("are none where they could not share a batch, which is said once", async () => {
    for (const dryRun of [false, true])
      await assert.rejects(
        runTrain({ processes: 5, batchSize: "12", dryRun }, []),
        usage(/^batchSize is 12, which 5 processes cannot share evenly; take 10 or 15, or another number/),
      );
    const { runDirectory } = await train(
      { ...recipe, epochs: 1 },
      { runDirectory: join(temporaryFolder(), "run") },
    );
    await assert.rejects(
      runTrain({ processes: 5, resume: runDirectory }, []),
      usage(
        /^batchSize is 12, which 5 processes cannot share evenly, and stays so in a run that has begun; go on with 4 or 6 processes$/,
      ),
    );
  });

  it("have the exit code of the signal that stopped them before they had begun", async () => {
    const waits = ["-e", "setTimeout(() => {}, 600_000)"];
    const lines: string[] = [];
    const code = await launch(2, waits, {
      log: (line) => lines.push(line),
      onSignal(pass) {
        setImmediate(() => pass("SIGTERM"));
        return () => {};
      },
    });
    assert.equal(code, 143);
    assert.deepEqual(lines.sort(), ["rank 0 was ended by SIGTERM", "rank 1 was ended by SIGTERM"]);
  });

  /** What processes print and end with that run a script. */
  async function launched(script: string) {
    const lines: string[] = [];
    const options = { log: (line: string) => void lines.push(line), onSignal: () => () => {} };
    const code = await launch(3, ["-e", script], options);
    return { code, lines };
  }

  /** What a process runs that fails of a reason, an expression of its rank; one such as `rank 2 failed: why` names another. */
  const fails = (reason: string) => `
    const rank = Number(process.env.RANK);
    const reason = ${reason};
    const named = /^rank (\\d) (\\w+)(?:: (.*))?$/.exec(reason) ?? [];
    const lost = named.length > 0 ? [{ rank: Number(named[1]), state: named[2], reason: named[3] }] : [];
    if (reason !== null) process.send({ reason, lost, line: \`rank \${rank}: \${reason}\` });
    process.exitCode = reason === null ? 0 : 3;
    process.channel.unref();`;

  it("tell by their launcher what they fail of, where rank 0 does not fail of the same", async () => {
    const same = await launched(fails(`"no such folder"`));
    assert.deepEqual(same, { code: 3, lines: [] });
    const other = await launched(fails(`rank === 2 ? "the disk is full" : "no such folder"`));
    assert.deepEqual(other, { code: 3, lines: ["rank 2: the disk is full"] });
    const own = await launched(fails(`rank === 1 ? "the disk is full" : null`));
    assert.deepEqual(own, { code: 3, lines: ["rank 1: the disk is full"] });
  });

  it("tell once of what one of them fails of, and of one that is gone, whoever names it", async () => {
    const left = await launched(fails(`rank > 0 ? "rank 0 ended" : "the disk is full"`));
    assert.deepEqual(left, { code: 3, lines: [] });
    const cause = await launched(
      fails(`rank === 2 ? "the disk is full" : "rank 2 failed: the disk is full"`),
    );
    assert.deepEqual(cause, { code: 3, lines: [] });
    const killed = await launched(fails(`rank === 0 ? null : "rank 0 ended"`));
    assert.deepEqual(killed, { code: 3, lines: ["rank 1: rank 0 ended"] });
    const another = await launched(
      fails(`rank === 0 ? "rank 2 silent" : rank === 1 ? "rank 2 failed: broken" : null`),
    );
    assert.deepEqual(another, { code: 3, lines: ["rank 1: rank 2 failed: broken"] });
  });

  it("tell once of a run whose folder is in use, which rank 0 alone finds", async () => {
    const path = join(temporaryFolder(), "run");
    makeDirectory(path);
    const lock = lockRun(path);
    try {
      const { code, stderr } = await outcomeOf(start(["--processes", "2", "--run", path]));
      assert.equal(code, 2, stderr);
      assert.match(stderr, /is in use by process/);
      assert.doesNotMatch(stderr, /rank 1/);
    } finally {
      lock.release();
    }
  });

  it("print one error and one JSON document where all fail of the same", async () => {
    const { code, stdout, stderr } = await outcomeOf(
      start(["--processes", "2", "--json", "--data-dir", "/nowhere"]),
    );
    assert.equal(code, 2);
    assert.match((JSON.parse(stdout) as { error: Error }).error.message, /cannot read \/nowhere/);
    assert.equal(stderr.match(/cannot read \/nowhere/g)?.length, 1, stderr);
  });
});

describe("one process has none to wait for", () => {
  it("and refuses to be told how long", () =>
    assert.rejects(
      runTrain({ timeout: 60 }, []),
      usage(/^--timeout is 60, but one process has none to wait for; leave it out, or start several with/),
    ));

  it("but takes what a launcher gives however many it starts", async () => {
    const variables = { RANK: "0", WORLD_SIZE: "1", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "0" };
    const path = join(temporaryFolder(), "run");
    const { code, stderr } = await outcomeOf(
      start(["--timeout", "60", "--epochs", "1", "--run", path], variables),
    );
    assert.equal(code, 0, stderr);
  });
});

describe("a process knows its rank", () => {
  const told = (environment: Record<string, string>) => {
    const { rank, size, host, port } = launchedAs(environment) ?? {};
    return [rank, size, host, port];
  };

  it("by torchrun's variables", () => {
    const variables = {
      RANK: "3",
      WORLD_SIZE: "4",
      LOCAL_RANK: "1",
      MASTER_ADDR: "node0",
      MASTER_PORT: "1234",
    };
    assert.deepEqual(told(variables), [3, 4, "node0", 1234]);
  });

  it("by Slurm's in a step of several tasks, not in a batch script", () => {
    const job = { SLURM_JOB_ID: "70012", SLURM_PROCID: "2", SLURM_LAUNCH_NODE_IPADDR: "10.0.0.1" };
    assert.deepEqual(told({ ...job, SLURM_STEP_NUM_TASKS: "8" }), [2, 8, "10.0.0.1", 29_512]);
    assert.equal(launchedAs({ ...job, SLURM_NTASKS: "8" }), null);
  });

  it("by Open MPI's, and must be told where rank 0 is", () => {
    const variables = { OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "2" };
    assert.deepEqual(told({ ...variables, MASTER_ADDR: "node0" }), [1, 2, "node0", 29_500]);
    assert.equal(launchedAs({ ...variables, MASTER_ADDR: "node0" })?.isUsualPort, true);
    assert.equal(launchedAs({ ...variables, MASTER_ADDR: "node0", MASTER_PORT: "1" })?.isUsualPort, false);
    assert.throws(
      () => launchedAs(variables),
      usage(/MASTER_ADDR is not set; set it to the name or address/),
    );
  });

  it("or that it is alone", () => {
    assert.equal(launchedAs({}), null);
    assert.equal(launchedAs({ RANK: "0", WORLD_SIZE: "1" }), null);
  });

  const refuses = (variables: Record<string, string>, message: RegExp) =>
    assert.throws(() => launchedAs({ MASTER_ADDR: "node0", ...variables }), usage(message));

  it("and is refused where a variable says no rank, number of processes or port", () => {
    refuses(
      { RANK: "first", WORLD_SIZE: "2" },
      /^RANK must be a whole number from 0 to 1, got "first"; it is/,
    );
    refuses({ RANK: "2", WORLD_SIZE: "2" }, /^RANK must be a whole number from 0 to 1, got "2"/);
    refuses({ RANK: "1", WORLD_SIZE: "1" }, /^RANK must be a whole number from 0 to 0, got "1"/);
    refuses({ RANK: "0", WORLD_SIZE: "0" }, /^WORLD_SIZE must be a whole number from 1 on, got "0"/);
    refuses(
      { RANK: "0", WORLD_SIZE: "2", MASTER_PORT: "99999" },
      /^MASTER_PORT must be a whole number from 0 to 65535, got "99999"/,
    );
    refuses({ RANK: "0", WORLD_SIZE: "2", MASTER_ADDR: "" }, /MASTER_ADDR is not set/);
  });

  it("and is refused where it knows its rank alone, or their number, rather than train alone", () => {
    refuses({ RANK: "1" }, /^RANK is set, but WORLD_SIZE is not; set both for each of several processes, or/);
    refuses({ WORLD_SIZE: "2" }, /^WORLD_SIZE is set, but RANK is not; set both/);
  });
});
