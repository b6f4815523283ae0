/**
 * The roll of a group: which process is which rank, and, after a failure, which of them is its cause. Errors of the network
 * name addresses; people look for ranks.
 *
 * @module
 */
import { hostname } from "node:os";
import { TorchError } from "../error.ts";
import { hasEnded, thisMachine } from "../processes.ts";
import { within } from "./promised.ts";
import type { Store } from "./store.ts";

/** How long the others, and the store, are waited for before they count as silent, in milliseconds. */
const GRACE = 5000;

/** Between two looks at who has answered. */
const LOOK = 50;

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

type Fate = { rank: number; fate: string };

const otherSize = (other: number, { worldSize, host, pid }: Member, rank: number, own: number): TorchError =>
  new TorchError(
    `rank ${other} (process ${pid} on ${host}) was started with a world size of ${worldSize}, rank ${rank} with ${own}; start all ` +
      "with the same",
  );

/** Who belongs to a group. Rank 0 is taken to hold the store, where it is a TCPStore. */
export class Roll {
  readonly #store: Store;
  readonly #rank: number;
  readonly #members: readonly Member[];
  readonly #grace: number;

  private constructor(store: Store, rank: number, members: readonly Member[], timeout: number) {
    this.#store = store;
    this.#rank = rank;
    this.#members = members;
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
   * @throws TorchError naming the ranks that did not come within `timeout` milliseconds, one that was started with another world
   *   size, the process that has this rank already, or the store that did not answer
   */
  static async call(
    store: Store,
    { rank, worldSize, timeout }: { rank: number; worldSize: number; timeout: number },
  ): Promise<Roll> {
    const self: Member = {
      host: hostname(),
      machine: thisMachine(),
      pid: process.pid,
      worldSize,
      sharesMemory: !process.env.PEA_SHM_DISABLE,
    };
    await requireFree(store, rank, timeout);
    await store.set(placeOf(rank), JSON.stringify(self));
    const end = performance.now() + timeout;
    let refuse: (error: TorchError) => void = () => {};
    const refused = new Promise<never>((_, reject) => {
      refuse = reject;
    });
    const memberOf = async (other: number) => {
      const member = JSON.parse(
        await store.get(placeOf(other), { timeout: end - performance.now() }),
      ) as Member;
      if (member.worldSize !== worldSize) refuse(otherSize(other, member, rank, worldSize));
      return member;
    };
    const all = Promise.allSettled(Array.from({ length: worldSize }, (_, other) => memberOf(other)));
    // Those that are still missing need not be waited for then.
    const found = await Promise.race([all, refused]);
    const missing = found.flatMap(({ status }, other) => (status === "rejected" ? other : []));
    if (missing.length > 0)
      throw new TorchError(
        `of ${worldSize} ranks ${nameRanks(missing)} did not come within ${timeout} ms; start all of them with the ` +
          "same address, port and world size",
      );
    return new Roll(
      store,
      rank,
      found.map((entry) => (entry as PromiseFulfilledResult<Member>).value),
      timeout,
    );
  }

  /** Tells the others what this rank fails of; does not wait for a store that is silent. */
  async leave(reason: string | null): Promise<void> {
    await this.#answer({ reason }).catch(() => {});
  }

  /**
   * Which ranks are the cause of a failure, in words: those that failed by themselves or have ended; else those that do not
   * answer any more. Where all do, null; also where rank 0 cannot reach the store, of which it knows no more than that.
   */
  async cause(): Promise<string | null> {
    const holder = this.#members[0] as Member;
    const end = performance.now() + this.#grace;
    try {
      await this.#answer({ reason: null });
      for (;;) {
        const fates = await within(this.#grace, this.#fates(), "the store");
        const known = fates.filter(({ fate }) => fate !== "silent" && fate !== "well");
        if (known.length > 0) return this.#tell(known);
        const silent = fates.filter(({ fate }) => fate === "silent");
        if (silent.length === 0) return null;
        if (performance.now() >= end)
          return this.#tell(silent.map(({ rank }) => ({ rank, fate: "does not answer" })));
        await pause();
      }
    } catch {
      if (this.#rank === 0) return null;
      // A process that ends cuts its connections some time before.
      while (isHere(holder) && !hasEnded(holder.pid) && performance.now() < end) await pause();
      const fate = isKnownToHaveEnded(holder) ? "has ended" : "does not answer";
      return this.#tell([{ rank: 0, fate: `${fate}, and with it the store` }]);
    }
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
        if (answer?.reason != null) return { rank, fate: `failed: ${answer.reason}` };
        if (answer !== null) return { rank, fate: "well" };
        return { rank, fate: ended ? "has ended" : "silent" };
      }),
    );
  }

  #tell(fates: readonly Fate[]): string {
    return fates
      .map(({ rank, fate }) => {
        const { host, pid } = this.#members[rank] as Member;
        return `rank ${rank} (process ${pid} on ${host}) ${fate}`;
      })
      .join("; ");
  }
}

const placeOf = (rank: number): string => `rank/${rank}`;

async function requireFree(store: Store, rank: number, timeout: number): Promise<void> {
  const limit = Math.max(timeout, GRACE);
  const isTaken = await within(limit, store.has(placeOf(rank)), "the store").catch(() => {
    throw new TorchError(
      `the store did not answer within ${limit} ms; the process that holds it hangs, or another program listens at its port`,
    );
  });
  if (!isTaken) return;
  const { pid, host } = JSON.parse(await store.get(placeOf(rank))) as Member;
  throw new TorchError(
    `rank ${rank} is taken by process ${pid} on ${host}; give each process a rank of its own, and each group a store or a prefix`,
  );
}

const pause = () => new Promise((resolve) => setTimeout(resolve, LOOK));

const isHere = ({ machine }: Member): boolean => machine === thisMachine();

/** Of processes on this machine alone. */
const isKnownToHaveEnded = (member: Member): boolean => isHere(member) && hasEnded(member.pid);

function nameRanks(ranks: readonly number[]): string {
  const shown = ranks.slice(0, 8).join(", ");
  return `${ranks.length === 1 ? "rank" : "ranks"} ${shown}${ranks.length > 8 ? ", …" : ""}`;
}
