/**
 * Settings found by trying: each peer runs with the fastest of its candidates, as a careful user would have it.
 *
 * @module
 */

import type { Suite } from "./cases.ts";
import { type Contender, candidateSettings, type Setting, type TunedName } from "./contenders.ts";
import type { NetworkWorkload } from "./protocol.ts";
import { median } from "./statistics.ts";
import { WorkerProcess } from "./worker-process.ts";

/** The setting that a peer runs with, and the milliseconds of a step by the title of each that was tried. */
export interface Choice extends Setting {
  tried: Record<string, number>;
}

export type Choices = Partial<Record<TunedName, Choice>>;

const WORKLOAD: NetworkWorkload = {
  kind: "step",
  network: "mobilenet-0.25",
  image: [3, 224, 224],
  classes: 1000,
  batch: 16,
  activation: "relu",
  precision: "fp32",
};
const ROUNDS = 4;
const STEPS = { warmUp: 1, repetitions: 3 };

/** Tries the candidates of every peer among `contenders`, in alternation. */
export async function chooseSettings(contenders: readonly Contender[], threads: number): Promise<Choices> {
  const choices: Choices = {};
  for (const contender of contenders) {
    const { name, tunedAs } = contender;
    if (tunedAs === name)
      choices[tunedAs] = fastest(await tryAll(contender, candidateSettings(tunedAs), threads));
  }
  return choices;
}

/**
 * `contender` with what was chosen for its peer. For peaks of memory that is the first candidate whatever the choice, as
 * the C library's allocator takes more than tcmalloc.
 */
export function tune(contender: Contender, choices: Choices, suite: Suite): Contender {
  const { tunedAs } = contender;
  if (tunedAs === undefined) return contender;
  return withSetting(contender, suite === "memory" ? candidateSettings(tunedAs)[0] : choices[tunedAs]);
}

function withSetting(contender: Contender, setting: Setting | undefined): Contender {
  return { ...contender, environment: { ...setting?.environment, ...contender.environment } };
}

interface Trial {
  setting: Setting;
  /** Milliseconds of a step, round by round. */
  rounds: number[];
}

async function tryAll(contender: Contender, settings: readonly Setting[], threads: number): Promise<Trial[]> {
  const trials = settings.map((setting) => {
    const worker = new WorkerProcess(withSetting(contender, setting), threads);
    return { setting, rounds: [] as number[], worker };
  });
  try {
    for (const { worker } of trials) await worker.prepare("0", WORKLOAD);
    for (let round = 0; round < ROUNDS; round++)
      for (const { worker, rounds } of trials) rounds.push((await worker.run("0", STEPS)).milliseconds);
  } finally {
    for (const { worker } of trials) await worker.stop();
  }
  return trials;
}

/** The setting with the smallest median. */
export function fastest(trials: readonly Trial[]): Choice {
  const [first] = trials.toSorted((a, b) => median(a.rounds) - median(b.rounds));
  if (first === undefined) throw new Error("no setting was tried");
  const tried = Object.fromEntries(trials.map(({ setting, rounds }) => [setting.title, median(rounds)]));
  return { ...first.setting, tried };
}
