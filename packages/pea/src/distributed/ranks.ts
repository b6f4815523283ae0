/**
 * The processes that train one network together, and what they do together. A process that trains alone is one rank of one.
 *
 * @module
 */
import { deserialize, serialize } from "node:v8";
import { PeaError } from "@pea/core";
import {
  cat,
  clone,
  type GroupBackend,
  GroupError,
  nameRanks,
  narrow,
  ncclGpu,
  ProcessGroup,
  type Reducer,
  ranksOfOneGpu,
  type Store,
  type Tensor,
  tensor,
  zeros,
} from "@pea/torch";

/** This process among those that train one network together. All call the same in the same order. */
export interface Ranks {
  /** Of this process, from 0. Rank 0 writes files and tells of the run. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** By what they sum what lies on the device; null for one alone. */
  readonly backend: GroupBackend | null;
  /**
   * Before anything of it is summed: where that is a GPU, and each rank has one of its own and NCCL, its tensors go from GPU to GPU, else
   * over Gloo by way of the main memory.
   *
   * @returns why those of a GPU go over Gloo, and the way out; null where they do not, or are to
   */
  useDevice(device: string): Promise<string | null>;
  /** What each rank gives, by rank: anything that `node:v8` serializes. */
  gather<T>(own: T): Promise<T[]>;
  /** The rows of all ranks, one after the other: of tensors that differ in their first dimension at most. The caller's. */
  join(rows: Tensor): Promise<Tensor>;
  /** Leaves in each tensor the sum over ranks. */
  sum(tensors: readonly Tensor[]): Promise<void>;
  /** What leaves in the gradients of parameters that require one the sums over ranks, while backward() still runs. */
  reducer(parameters: readonly Tensor[]): GradientSums;
  /** Leaves in each tensor the mean over ranks. */
  mean(tensors: readonly Tensor[]): Promise<void>;
  /** Leaves in each tensor what rank 0 has. */
  takeFirst(tensors: readonly Tensor[]): Promise<void>;
  /**
   * The sum over ranks, which backward() goes through: for passes, which wait for it. What they fail of then `explain` knows.
   */
  sumInPass(x: Tensor): Tensor;
  /** An error of a pass: where it is of the others or of the network, one that names the ranks that are the cause. */
  explain(error: Error): Promise<Error>;
  /** Tells the others why this rank ends. */
  fail(reason: string): Promise<void>;
  /** Leaves the others, in peace. */
  close(): Promise<void>;
}

/** Sums the gradients of a step, as `Reducer`. */
export type GradientSums = Pick<Reducer, "start" | "finish" | "dispose">;

const nothing = async (): Promise<void> => {};

/** A process that trains alone. */
export const alone: Ranks = {
  rank: 0,
  size: 1,
  backend: null,
  useDevice: async () => null,
  gather: async (own) => [own],
  join: async (rows) => clone(rows),
  sum: nothing,
  reducer: () => ({ start() {}, finish: nothing, dispose() {} }),
  mean: nothing,
  takeFirst: nothing,
  sumInPass: (x) => x,
  explain: async (error) => error,
  fail: nothing,
  close: nothing,
};

/** One of several that are connected. */
export class ConnectedRanks implements Ranks {
  readonly rank: number;
  readonly size: number;
  readonly #group: ProcessGroup;
  /** Of the same ranks, for tensors on their GPUs. */
  #gpus: ProcessGroup | null = null;
  readonly #stores: readonly Store[];

  /** @param stores that the group was made of, the first by itself; closed with it. Without any there is no NCCL */
  constructor(group: ProcessGroup, stores: readonly Store[] = []) {
    this.rank = group.rank;
    this.size = group.worldSize;
    this.#group = group;
    this.#stores = stores;
  }

  get backend(): GroupBackend {
    return this.#gpus === null ? "gloo" : "nccl";
  }

  async useDevice(device: string): Promise<string | null> {
    if (this.#gpus !== null) return null;
    const { rank, size: worldSize } = this;
    const [store] = this.#stores;
    const isDisabled = Boolean(process.env.PEA_NCCL_DISABLE);
    const gpus = await this.gather(isDisabled ? null : ncclGpu(device));
    if (store === undefined || device === "cpu" || isDisabled) return null;
    const whyNot = whyNoOwnGpus(gpus);
    if (whyNot !== null) return `tensors go over Gloo, by way of the main memory: ${whyNot}`;
    const beside = this.#group;
    const { timeout } = beside;
    this.#gpus = await ProcessGroup.connect(store, {
      rank,
      worldSize,
      timeout,
      backend: "nccl",
      device,
      beside,
    });
    return null;
  }

  async gather<T>(own: T): Promise<T[]> {
    const bytes = new Uint8Array(serialize(own));
    using length = tensor(Float64Array.of(bytes.length));
    const lengths = await this.#group.allGather(length);
    const sizes = lengths.map((one) => one.item() as number);
    const padded = new Uint8Array(Math.max(...sizes));
    padded.set(bytes);
    using whole = tensor(padded);
    const all = await this.#group.allGather(whole);
    const texts = all.map((one, rank) => new Uint8Array(one.toBytes()).subarray(0, sizes[rank]));
    for (const one of [...lengths, ...all]) one.dispose();
    return texts.map((text) => deserialize(text) as T);
  }

  async join(rows: Tensor): Promise<Tensor> {
    const [own = 0, ...shape] = rows.shape;
    const counts = await this.gather(own);
    const missing = Math.max(...counts) - own;
    // As many of all, so that they can be gathered.
    using filler = zeros([missing, ...shape], { dtype: rows.dtype, device: rows.device });
    using padded = cat([rows, filler]);
    const all = await this.#groupOf([padded]).allGather(padded);
    const parts = all.map((one, rank) => narrow(one, 0, 0, counts[rank] as number));
    const joined = cat(parts);
    for (const one of [...all, ...parts]) one.dispose();
    return joined;
  }

  async sum(tensors: readonly Tensor[]): Promise<void> {
    for (const some of together(tensors)) await this.#groupOf(some).allReduce(some);
  }

  reducer(parameters: readonly Tensor[]): GradientSums {
    return this.#groupOf(parameters).reducer(parameters);
  }

  async mean(tensors: readonly Tensor[]): Promise<void> {
    for (const some of together(tensors)) await this.#groupOf(some).allReduce(some, "mean");
  }

  async takeFirst(tensors: readonly Tensor[]): Promise<void> {
    for (const some of together(tensors)) await this.#groupOf(some).broadcast(some);
  }

  sumInPass(x: Tensor): Tensor {
    return this.#groupOf([x]).sum(x);
  }

  async explain(error: Error): Promise<Error> {
    // Gloo's errors give its file, NCCL's its name; backward() throws them as they are.
    if (/NCCL/.test(error.message) && this.#gpus !== null) return this.#gpus.explain(error);
    return /\bgloo\b/.test(error.message) ? this.#group.explain(error) : error;
  }

  async fail(reason: string): Promise<void> {
    // For both groups.
    await this.#group.fail(reason);
  }

  async close(): Promise<void> {
    await this.#group.barrier();
    await this.#gpus?.close();
    await this.#group.close();
    for (const store of this.#stores) await store.close();
  }

  /** The group for tensors that go as one. */
  #groupOf([tensor]: readonly Tensor[]): ProcessGroup {
    return this.#gpus !== null && tensor?.device !== "cpu" ? this.#gpus : this.#group;
  }
}

/**
 * Why ranks do not each have a GPU of its own that NCCL reaches; null where they do.
 *
 * @param gpus one for each rank: what tells its GPU from others; null without GPU or NCCL
 */
export function whyNoOwnGpus(gpus: readonly (string | null)[]): string | null {
  const without = [...gpus.keys()].filter((rank) => gpus[rank] === null);
  if (without.length > 0)
    return `${nameRanks(without)} ${without.length === 1 ? "has" : "have"} no NCCL; pea doctor says there what is missing`;
  const shared = ranksOfOneGpu(gpus as readonly string[]);
  if (shared === undefined) return null;
  return `${nameRanks(shared)} have the same GPU; give each process another one in CUDA_VISIBLE_DEVICES`;
}

/**
 * Whether a rank is the first of those that an error does not say are gone: it speaks for all, as rank 0 does else.
 *
 * @param error where it is a `GroupError`, which has ranks that have ended or do not answer; one that failed by itself is still there
 */
export function isFirstLeft(rank: number, error: unknown): boolean {
  const lost = error instanceof GroupError ? error.lost : [];
  const gone = new Set(lost.filter(({ state }) => state !== "failed").map((one) => one.rank));
  return !gone.has(rank) && Array.from({ length: rank }, (_, before) => before).every((one) => gone.has(one));
}

/** Those that can go as one. */
function together(tensors: readonly Tensor[]): Tensor[][] {
  const kindOf = ({ dtype, device }: Tensor) => `${dtype} ${device}`;
  const kinds = new Set(tensors.map(kindOf));
  return [...kinds].map((kind) => tensors.filter((one) => kindOf(one) === kind));
}

/** The sums over ranks of some numbers, in float64. */
export async function sumsOf(ranks: Ranks, numbers: readonly number[]): Promise<number[]> {
  if (numbers.length === 0) return [];
  using sums = tensor(Float64Array.from(numbers));
  await ranks.sum([sums]);
  return [...(sums.toTypedArray() as Float64Array)];
}

/** Entries of maps of all ranks, each key once. */
export async function joined<K, V>(ranks: Ranks, own: ReadonlyMap<K, V>): Promise<Map<K, V>> {
  return new Map((await ranks.gather(own)).flatMap((some) => [...some]));
}

/** Numbers in objects and arrays of one form, added up place by place; what is no number is that of the first. */
export function added<T>(values: readonly T[]): T {
  const [first] = values as [T];
  if (typeof first === "number") return values.reduce<number>((sum, one) => sum + Number(one), 0) as T;
  if (Array.isArray(first))
    return first.map((_, i) => added(values.map((one) => (one as unknown[])[i]))) as T;
  if (typeof first !== "object" || first === null) return first;
  const entries = Object.keys(first).map((key) => [
    key,
    added(values.map((one) => (one as Record<string, unknown>)[key])),
  ]);
  return Object.fromEntries(entries) as T;
}

/**
 * Refuses ranks that would not train the same.
 *
 * @param facts of this rank, by what they are called, with the way out where they differ
 * @throws PeaError of kind usage on every rank, naming the first that differs from rank 0, and in what
 */
export async function requireSame(
  ranks: Ranks,
  facts: Readonly<Record<string, { value: string | number | null; remedy: string }>>,
): Promise<void> {
  const values = Object.fromEntries(Object.entries(facts).map(([name, { value }]) => [name, value]));
  const [first, ...others] = await ranks.gather(values);
  for (const [i, other] of others.entries())
    for (const [name, { remedy }] of Object.entries(facts))
      if (other[name] !== first?.[name])
        throw new PeaError(
          `rank ${i + 1} has another ${name} (${other[name]}) than rank 0 (${first?.[name]}); ${remedy}`,
          { kind: "usage" },
        );
}
