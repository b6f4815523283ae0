/**
 * The roll of a group: which process is which rank, and, after a failure, which of them is its cause. Errors of the network
 * name addresses; people look for ranks.
 *
 * @module
 */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { TorchError } from "../error.ts";
import { hasEnded, thisMachine } from "../processes.ts";
import { GroupError, GroupTimeout, type LostRank } from "./group-error.ts";
import { NoAnswer, within } from "./promised.ts";
import type { Store } from "./store.ts";

/** How long the others, and the store, are waited for before they count as silent, in milliseconds. */
const GRACE = 5000;

/** Between two looks at who has answered, or come, in milliseconds: the first, and the longest. */
const LOOK = { first: 2, longest: 50 };

/** After how long those that have not come are told of, in milliseconds. */
const PATIENCE = 5000;

/** How long rank 0, with which the store goes, stays where the group cannot be, so that the others see why, in milliseconds. */
const FAREWELL = 1000;

/** Where whoever finds that the group cannot be leaves the reason for all. */
const REFUSED = "refused";

/** A rank's process. */
interface Member {
  host: string;
  machine: string;
  pid: number;
  /** How many ranks it was told of. */
  worldSize: number;
  /** Whether it would sum in memory that it shares with others of its machine. */
  sharesMemory: boolean;
}

/** What a rank says once a collective has failed for it. */
interface Answer {
  /** What it failed of by itself; null where it only saw that others do not go on. */
  reason: string | null;
}

/** Why a group cannot be. */
interface Refusal {
  message: string;
  /** Whether some have not come in time. */
  isLate: boolean;
}

/** How a process comes to a group. */
export interface Arrival {
  rank: number;
  worldSize: number;
  /** Until all must have come, in milliseconds. */
  timeout: number;
  /** Told once, after five seconds, which ranks have not come yet. */
  onMissing?: (ranks: readonly number[]) => void;
}

/** What a rank that was asked says, or is seen of it. */
type Fate = Pick<LostRank, "rank" | "reason"> & { state: LostRank["state"] | "well" };

const otherSize = (other: number, { worldSize, host, pid }: Member, rank: number, own: number): TorchError =>
  new TorchError(
    `rank ${other} (process ${pid} on ${host}) was started with a world size of ${worldSize}, rank ${rank} with ${own}; start all ` +
      "with the same",
  );

/** How Gloo, what shares memory, c10d's NCCL, and the wait for its connections say that others were late. */
const LATE =
  /Timed out waiting \d+ms|did not come within \d+ ms|caught collective operation timeout|no answer within \d+ ms/;

/** Who belongs to a group, or to several of the same processes. Rank 0 is taken to hold the store, where it is a TCPStore. */
export class Roll {
  readonly #store: Store;
  readonly #rank: number;
  readonly #members: readonly Member[];
  readonly #timeout: number;
  readonly #grace: number;
  #failure: Promise<GroupError> | undefined;

  private constructor(store: Store, rank: number, members: readonly Member[], timeout: number) {
    this.#store = store;
    this.#rank = rank;
    this.#members = members;
    this.#timeout = timeout;
    this.#grace = Math.min(GRACE, timeout / 4);
  }

  /** The longest that asking for a cause takes, in milliseconds: at most half of the timeout. */
  get longestInquiry(): number {
    return 2 * this.#grace;
  }

  /** Whether all processes are on this machine, and each would share memory: the same on all ranks. */
  get shareMemory(): boolean {
    return this.#members.every((member) => isHere(member) && member.sharesMemory);
  }

  /**
   * Enters this process, and waits for all the others.
   *
   * @throws TorchError naming the ranks that did not come within the timeout, one that was started with another world size, a rank
   *   that two processes have, on all that still wait, or the store that did not answer
   */
  static async call(store: Store, { rank, worldSize, timeout, onMissing }: Arrival): Promise<Roll> {
    const end = performance.now() + timeout;
    const members = new Map<number, Member>();
    const missing = () => Array.from({ length: worldSize }, (_, i) => i).filter((i) => !members.has(i));
    const late = setTimeout(() => onMissing?.(missing().filter((other) => other !== rank)), PATIENCE);
    try {
      await enter(store, { rank, worldSize, timeout });
      for (let pause = LOOK.first; ; pause = Math.min(2 * pause, LOOK.longest)) {
        const refusal = await answerOf(lookFor(missing(), store, members), end - performance.now());
        if (refusal !== null) throw errorOf(refusal);
        for (const [other, member] of members)
          if (member.worldSize !== worldSize) throw otherSize(other, member, rank, worldSize);
        if (members.size === worldSize) break;
        if (performance.now() >= end)
          throw await refuse(store, {
            message:
              `of ${worldSize} ranks ${nameRanks(missing())} did not come within ${timeout} ms; start all of them with the ` +
              "same address, port and world size",
            isLate: true,
          });
        await sleep(pause);
      }
    } catch (error) {
      if (rank === 0) await sleep(FAREWELL);
      throw error;
    } finally {
      clearTimeout(late);
    }
    const inOrder = Array.from({ length: worldSize }, (_, i) => members.get(i) as Member);
    return new Roll(store, rank, inOrder, timeout);
  }

  /**
   * For a process that cannot hold the group's store, because something else listens at its port, and reaches that: where it is the
   * store of such a group, whose rank another process has, both are refused.
   *
   * @throws TorchError naming both
   */
  static async refuseTwin(
    store: Store,
    { rank, worldSize }: Pick<Arrival, "rank" | "worldSize">,
  ): Promise<void> {
    const isHeld = await within(GRACE, store.has(placeOf(rank)), "the store").catch(() => false);
    if (isHeld) await enter(store, { rank, worldSize, timeout: GRACE });
  }

  /** What a collective of this rank has failed of; undefined where none has. */
  get failure(): Promise<GroupError> | undefined {
    return this.#failure;
  }

  /**
   * The error for what a collective, or the wait for connections, failed of: the first one's for all that fail behind it.
   *
   * @param remedy to end its message with
   */
  explain(error: Error, remedy = ""): Promise<GroupError> {
    this.#failure ??= this.cause().then((lost) => {
      const isLate = LATE.test(error.message);
      // The engine is given less than the timeout, the rest of which was for asking.
      const all = `the others did not come within the timeout of ${this.#timeout} ms`;
      const what = isLate ? error.message.replace(/^([\w.]+: )?.*$/s, `$1${all}`) : error.message;
      return new (isLate ? GroupTimeout : GroupError)(`${what}${remedy}`, lost);
    });
    return this.#failure;
  }

  /** Tells the others what this rank fails of; does not wait for a store that is silent. */
  async leave(reason: string | null): Promise<void> {
    await this.#answer({ reason }).catch(() => {});
  }

  /**
   * Which ranks are the cause of a failure: those that failed by themselves or have ended; else those that do not answer any more.
   * Where all do, none; also where rank 0 cannot reach the store, of which it knows no more than that.
   */
  async cause(): Promise<LostRank[]> {
    const holder = this.#members[0] as Member;
    const end = performance.now() + this.#grace;
    try {
      await this.#answer({ reason: null });
      for (;;) {
        const fates = await within(this.#grace, this.#fates(), "the store");
        const lost = this.#lost(fates);
        const known = lost.filter(({ state }) => state !== "silent");
        if (known.length > 0) return known;
        if (lost.length === 0 || performance.now() >= end) return lost;
        await sleep(LOOK.longest);
      }
    } catch {
      if (this.#rank === 0) return [];
      // A process that ends cuts its connections some time before.
      while (isHere(holder) && !hasEnded(holder.pid) && performance.now() < end) await sleep(LOOK.longest);
      const state = isKnownToHaveEnded(holder) ? "ended" : "silent";
      return this.#lost([{ rank: 0, state }]).map((one) => ({ ...one, heldStore: true }));
    }
  }

  /** Whether others have failed by themselves, or ended, by now. */
  async hasLost(): Promise<boolean> {
    // Those of this machine are seen without the store, which may be gone with one of them.
    if (this.#members.some((member, rank) => rank !== this.#rank && isKnownToHaveEnded(member))) return true;
    const fates = await within(this.#grace, this.#fates(), "the store");
    return fates.some(({ state }) => state === "failed" || state === "ended");
  }

  #answer(answer: Answer): Promise<void> {
    return within(this.#grace, this.#store.set(`failed/${this.#rank}`, JSON.stringify(answer)), "the store");
  }

  #fates(): Promise<Fate[]> {
    const others = [...this.#members.entries()].filter(([rank]) => rank !== this.#rank);
    return Promise.all(
      others.map(async ([rank, member]): Promise<Fate> => {
        // Looked at first: a process that ends may have answered just before.
        const ended = isKnownToHaveEnded(member);
        const key = `failed/${rank}`;
        const answer = (await this.#store.has(key))
          ? (JSON.parse(await this.#store.get(key)) as Answer)
          : null;
        if (answer?.reason != null) return { rank, state: "failed", reason: answer.reason };
        if (answer !== null) return { rank, state: "well" };
        return { rank, state: ended ? "ended" : "silent" };
      }),
    );
  }

  /** Those of them that are not well, with their processes. */
  #lost(fates: readonly Fate[]): LostRank[] {
    return fates.flatMap(({ state, ...fate }) => {
      const { host, pid } = this.#members[fate.rank] as Member;
      return state === "well" ? [] : [{ ...fate, state, host, pid }];
    });
  }
}

const placeOf = (rank: number): string => `rank/${rank}`;

/** Leaves word of this process, or of both where another has its rank. */
async function enter(store: Store, { rank, worldSize, timeout }: Arrival): Promise<void> {
  const self: Member = {
    host: hostname(),
    machine: thisMachine(),
    pid: process.pid,
    worldSize,
    sharesMemory: !process.env.PEA_SHM_DISABLE,
  };
  const isFirst = (await answerOf(store.add(`comers/${rank}`, 1), timeout)) === 1;
  if (isFirst) return answerOf(store.set(placeOf(rank), JSON.stringify(self)), timeout);
  const first = JSON.parse(await store.get(placeOf(rank), { timeout: GRACE })) as Member;
  const message =
    `rank ${rank} was given to two processes, ${first.pid} on ${first.host} and ${self.pid} on ${self.host}; give each process a ` +
    "rank of its own, and each group an address, a port or a prefix of its own";
  throw await refuse(store, { message, isLate: false });
}

const errorOf = ({ message, isLate }: Refusal): TorchError =>
  new (isLate ? GroupTimeout : TorchError)(message);

/** Tells all that wait; the error for this process. */
async function refuse(store: Store, refusal: Refusal): Promise<TorchError> {
  await within(GRACE, store.set(REFUSED, JSON.stringify(refusal)), "the store").catch(() => {});
  return errorOf(refusal);
}

/** Adds those of the missing that have come; or what another has found. */
async function lookFor(
  missing: readonly number[],
  store: Store,
  members: Map<number, Member>,
): Promise<Refusal | null> {
  if (await store.has(REFUSED)) return JSON.parse(await store.get(REFUSED)) as Refusal;
  for (const rank of missing)
    if (await store.has(placeOf(rank)))
      members.set(rank, JSON.parse(await store.get(placeOf(rank))) as Member);
  return null;
}

/** What a store answers, which has that many milliseconds, and five seconds at least. */
async function answerOf<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  const limit = Math.max(milliseconds, GRACE);
  try {
    return await within(limit, work, "the store");
  } catch (error) {
    throw new TorchError(
      error instanceof NoAnswer
        ? `the store did not answer within ${Math.round(limit)} ms; the process that holds it hangs, or another program listens at its port`
        : `the store failed (${(error as Error).message}); the process that holds it has ended, or another program listens at its port`,
    );
  }
}

const isHere = ({ machine }: Member): boolean => machine === thisMachine();

/** Of processes on this machine alone. */
const isKnownToHaveEnded = (member: Member): boolean => isHere(member) && hasEnded(member.pid);

/** Ranks in words: `rank 3`, `ranks 1, 2 and 5`. */
export function nameRanks(ranks: readonly number[]): string {
  if (ranks.length === 1) return `rank ${ranks[0]}`;
  if (ranks.length > 8) return `ranks ${ranks.slice(0, 8).join(", ")} and ${ranks.length - 8} more`;
  return `ranks ${ranks.slice(0, -1).join(", ")} and ${ranks.at(-1)}`;
}
