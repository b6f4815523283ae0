/**
 * The harness: runs the cases of a group in turns and keeps what each round gave.
 *
 * @module
 */
import type { Case, Group } from "./cases.ts";
import type { Contender, ContenderName } from "./contenders.ts";
import { type Description, ranksOf } from "./protocol.ts";
import { Ranks } from "./ranks.ts";
import type { Measurement } from "./results.ts";
import { WorkerProcess } from "./worker-process.ts";

export interface MeasureOptions {
  /** Turns that every case of a group gets: the most there are, and the least where they take long. */
  rounds: { most: number; least: number };
  /** Milliseconds that the turns of a group may take, as long as there are the least of them. */
  group: number;
  /** Milliseconds that a turn should last at most; a longer case runs once. */
  turn: number;
  /** Processes that the peak of memory is taken of. */
  peaks: number;
}

/** Repetitions whose peak of memory is taken. */
const PEAK_REPETITIONS = 2;

/** Below this time in milliseconds a case runs once untimed at each turn, because another has used the caches. */
const CACHE_SENSITIVE = 100;

/** What each contender says of itself. */
export async function describeContenders(
  contenders: readonly Contender[],
  threads: number,
): Promise<Map<ContenderName, Description>> {
  const descriptions = new Map<ContenderName, Description>();
  for (const contender of contenders) {
    const worker = new WorkerProcess(contender, threads);
    try {
      descriptions.set(contender.name, await worker.describe());
    } finally {
      await worker.stop();
    }
  }
  return descriptions;
}

/**
 * Measures the cases of `group` whose contender is among `contenders`.
 *
 * @throws Error when a contender fails, or when contenders disagree on the size of a network
 */
export async function measureGroup(
  group: Group,
  contenders: readonly Contender[],
  options: MeasureOptions,
): Promise<Measurement[]> {
  const cases = group.cases.flatMap((item) => {
    const contender = contenders.find(({ name }) => name === item.contender);
    return contender === undefined ? [] : [{ ...item, contender }];
  });
  return group.suite === "memory" ? measurePeaks(group, cases, options) : measureTimes(group, cases, options);
}

type RunnableCase = Omit<Case, "contender"> & { contender: Contender };

async function measurePeaks(
  group: Group,
  cases: readonly RunnableCase[],
  { peaks }: MeasureOptions,
): Promise<Measurement[]> {
  const measurements = cases.map(
    ({ contender, workload }): Measurement => ({ ...blank(group, contender, workload), unit: "MiB" }),
  );
  for (let round = 0; round < peaks; round++) {
    for (const [index, { contender, workload }] of cases.entries()) {
      const worker = new WorkerProcess(contender, group.threads);
      try {
        await worker.prepare("0", workload);
        const { mebibytes } = await worker.peak("0", PEAK_REPETITIONS);
        measurements[index]?.rounds.push(mebibytes);
      } finally {
        await worker.stop();
      }
    }
  }
  return measurements;
}

/** What a turn of a case does. */
export interface Turn {
  warmUp: number;
  repetitions: number;
}

/**
 * How often the cases of a group take turns and how long a turn is. Many short turns are preferred to few long ones: what
 * the machine does meanwhile differs between rounds, not between repetitions.
 *
 * @param durations milliseconds of one repetition of each case
 */
export function planTurns(
  durations: readonly number[],
  { rounds: { most, least }, group, turn }: MeasureOptions,
): { rounds: number; turns: Turn[] } {
  const warmUps = durations.map((duration) => (duration < CACHE_SENSITIVE ? 1 : 0));
  const shortest = durations.reduce((sum, time, index) => sum + (1 + (warmUps[index] as number)) * time, 0);
  const rounds = Math.max(least, Math.min(most, Math.floor(group / shortest)));
  const share = Math.min(turn, group / rounds / durations.length);
  const turns = durations.map((duration, index) => {
    const warmUp = warmUps[index] as number;
    return { warmUp, repetitions: Math.max(1, Math.floor(share / duration) - warmUp) };
  });
  return { rounds, turns };
}

/** One case in its contender's process or processes. */
interface Runner {
  worker: Ranks;
  key: string;
  measurement: Measurement;
}

async function measureTimes(
  group: Group,
  cases: readonly RunnableCase[],
  options: MeasureOptions,
): Promise<Measurement[]> {
  const workers = new Map<string, Ranks>();
  try {
    const runners: Runner[] = [];
    const durations: number[] = [];
    let parameters: number | undefined;
    for (const [index, { contender, workload }] of cases.entries()) {
      const ranks = ranksOf(workload);
      const place = `${contender.name}, ${ranks} ranks`;
      const worker = workers.get(place) ?? new Ranks(contender, group.threads, ranks);
      workers.set(place, worker);
      const key = String(index);
      const facts = await worker.prepare(key, workload);
      parameters ??= facts.parameters;
      if (facts.parameters !== undefined && facts.parameters !== parameters) {
        throw new Error(
          `${group.name}: ${contender.title} has ${facts.parameters} parameters, others have ${parameters}`,
        );
      }
      const { milliseconds } = await worker.run(key, { warmUp: 0, repetitions: 1 });
      durations.push(milliseconds);
      runners.push({ worker, key, measurement: blank(group, contender, workload) });
    }
    const { rounds, turns } = planTurns(durations, options);
    const planned = runners.map((runner, index) => ({ ...runner, turn: turns[index] as Turn }));
    // A round that does not count: in the first one caches and memory settle, to the harm of whoever begins.
    for (const { worker, key, turn } of planned) await worker.run(key, turn);
    for (let round = 0; round < rounds; round++) {
      // Back and forth, so that a machine that grows slower or faster favours nobody.
      for (const { turn, ...runner } of round % 2 === 0 ? planned : planned.toReversed())
        await takeTurn(runner, turn);
    }
    return runners.map(({ measurement }) => measurement);
  } finally {
    for (const worker of workers.values()) await worker.stop();
  }
}

async function takeTurn({ worker, key, measurement }: Runner, turn: Turn): Promise<void> {
  const { milliseconds, parts, minorFaults } = await worker.run(key, turn);
  if (!(milliseconds > 0 && milliseconds < Number.POSITIVE_INFINITY))
    throw new Error(`${measurement.contender} gave ${milliseconds} as the milliseconds of a turn`);
  measurement.rounds.push(milliseconds);
  measurement.minorFaults.push(minorFaults);
  for (const [part, time] of Object.entries(parts)) {
    measurement.parts[part] ??= [];
    measurement.parts[part].push(time);
  }
}

function blank({ suite, threads }: Group, { name }: Contender, workload: Case["workload"]): Measurement {
  return { suite, contender: name, threads, workload, unit: "ms", rounds: [], parts: {}, minorFaults: [] };
}
