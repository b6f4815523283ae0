import { networkInterfaces } from "node:os";
import { noGrad } from "../autograd.ts";
import { type Handle, native } from "../binding.ts";
import { isFloatingPoint } from "../dtype.ts";
import { TorchError } from "../error.ts";
import { foreachMulInPlace } from "../ops/foreach.ts";
import { optionsOf } from "../options.ts";
import { rethrow, Tensor, wrap } from "../tensor.ts";
import type { GroupError } from "./group-error.ts";
import { numbered, requireNccl, requireOn, requireOwnGpus } from "./nccl.ts";
import { promised, unless, within } from "./promised.ts";
import { Reducer } from "./reducer.ts";
import { Roll } from "./roll.ts";
import { PrefixStore, type Store } from "./store.ts";

/** What all-reduce makes of the ranks' values. */
export type ReduceOperation = "sum" | "mean" | "max";

/** What carries the collectives. */
export type GroupBackend = "gloo" | "nccl";

export interface ProcessGroupOptions {
  /** Of this process, from 0. */
  rank: number;
  /** How many processes there are. */
  worldSize: number;
  /**
   * How long a rank waits for the others, at the start and in each collective, in milliseconds; 300,000 by default. Ten
   * seconds of it, or half where it is less than twenty, are kept for asking who does not answer.
   */
  timeout?: number;
  /**
   * Name or address of this machine at which the others reach it. Left out: by the interfaces in GLOO_SOCKET_IFNAME
   * (`eth0`, or several with commas), else by the machine's own name. For gloo: NCCL chooses by NCCL_SOCKET_IFNAME alone.
   */
  host?: string;
  /**
   * `gloo` by default: tensors of any device, those of GPUs by way of the main memory. `nccl`: from GPU to GPU, tensors on `device`
   * alone, where the engine has it (`whyNoNccl`).
   */
  backend?: GroupBackend;
  /** For nccl: this rank's GPU, which no other rank has; `"cuda"`, the first, by default. Gloo takes tensors of any. */
  device?: string;
  /**
   * A group of the same processes. A failure of one is then one of both, so that a rank which was told why by one group is not blamed by
   * the other for it.
   */
  beside?: ProcessGroup;
  /** Told once, where not all have come after five seconds, which ranks are missing. */
  onMissing?: (ranks: readonly number[]) => void;
}

/** Between two looks at whether ranks are lost that NCCL waits for, in milliseconds. */
const LOOK = 1000;

const GONE = "not all ranks are there any more";

/** Where NCCL does not connect. */
const OTHERWISE =
  "; name the interface by which machines reach one another in NCCL_SOCKET_IFNAME, or take the backend gloo (in training: PEA_NCCL_DISABLE=1)";

/** @throws TorchError naming those of this machine where one is none of them */
function requireInterfaces(names: string): void {
  const own = Object.keys(networkInterfaces());
  const missing = names.split(",").find((name) => name !== "" && !own.includes(name));
  if (missing === undefined) return;
  throw new TorchError(
    `GLOO_SOCKET_IFNAME names ${missing}, but the interfaces of this machine that have an address are ${own.join(", ")}; take one by ` +
      "which the others reach it",
  );
}

/**
 * Processes that compute together, over Gloo or NCCL: each has a rank, and all call the same collectives in the same order.
 * Collectives are promises that no thread of JavaScript waits for; tensors given to one belong to it until it has settled.
 * Several may be under way.
 *
 * Where a rank fails, ends or hangs, the collectives of the others fail, at the latest after `timeout`, with a GroupError
 * that has the rank in `lost` and names it, where that can be known. The group is of no use then.
 *
 * @example
 * const store = await TCPStore.connect({ host: "127.0.0.1", port: 29500, isServer: rank === 0 });
 * const group = await ProcessGroup.connect(store, { rank, worldSize: 2, timeout: 30_000 });
 * await group.allReduce(gradients, "mean");
 */
export class ProcessGroup {
  readonly rank: number;
  readonly worldSize: number;
  /** In milliseconds. */
  readonly timeout: number;
  readonly #handle: Handle;
  readonly #roll: Roll;
  /** For NCCL. */
  readonly #device: string | null;

  private constructor(
    handle: Handle,
    roll: Roll,
    { rank, worldSize, timeout }: Required<Pick<ProcessGroupOptions, "rank" | "worldSize" | "timeout">>,
    device: string | null,
  ) {
    this.#handle = handle;
    this.#roll = roll;
    this.#device = device;
    this.timeout = timeout;
    this.rank = rank;
    this.worldSize = worldSize;
  }

  /**
   * Waits until all ranks are there and connects them, each with each.
   *
   * @param store one for each group, or `PrefixStore`s of one
   * @throws TorchError naming a rank that two processes have, or an interface in `GLOO_SOCKET_IFNAME` that is not there; for nccl saying
   *   why there is none, or naming the ranks that have one GPU; GroupTimeout naming the ranks that did not come within the timeout
   */
  static async connect(store: Store, options: ProcessGroupOptions): Promise<ProcessGroup> {
    const {
      rank,
      worldSize,
      timeout = 300_000,
      host = "",
      backend = "gloo",
      device = "cuda",
      beside,
      onMissing,
    } = optionsOf(
      "ProcessGroup.connect(store, { rank, worldSize, timeout, host, backend, device, beside, onMissing })",
      options,
    );
    if (backend !== "gloo" && backend !== "nccl")
      throw new TorchError(`ProcessGroup.connect: the backend must be "gloo" or "nccl", got "${backend}"`);
    if (!Number.isInteger(worldSize) || worldSize < 1)
      throw new TorchError(
        `ProcessGroup.connect: the world size must be a positive integer, got ${worldSize}`,
      );
    if (!Number.isInteger(rank) || rank < 0 || rank >= worldSize)
      throw new TorchError(
        `ProcessGroup.connect: the rank must be an integer from 0 to ${worldSize - 1}, got ${rank}`,
      );
    if (backend === "nccl") requireNccl(device);
    const interfaces = host === "" ? (process.env.GLOO_SOCKET_IFNAME ?? "") : "";
    if (backend === "gloo") requireInterfaces(interfaces);
    if (beside !== undefined && (beside.rank !== rank || beside.worldSize !== worldSize))
      throw new TorchError(
        `ProcessGroup.connect: the group beside is of rank ${beside.rank} of ${beside.worldSize}, this one of rank ${rank} of ` +
          `${worldSize}; take one of the same ranks`,
      );
    const roll =
      beside === undefined ? await Roll.call(store, { rank, worldSize, timeout, onMissing }) : beside.#roll;
    const addresses = new PrefixStore(store, backend);
    const what = "ProcessGroup.connect";
    const forCollectives = Math.ceil(timeout - roll.longestInquiry);
    const own = { rank, worldSize, timeout };
    try {
      if (backend === "nccl") {
        const gpu = numbered(device);
        requireOwnGpus(await gpusOf(addresses, gpu, own));
        const connecting = promised(what, () =>
          native.connectNcclGroup(addresses.handle, rank, worldSize, forCollectives, gpu),
        );
        // NCCL itself waits for the others without end.
        const inTime = within(forCollectives, connecting, what);
        const handle = await unless(inTime, {
          look: () => roll.hasLost(),
          every: LOOK,
          what: `${what}: ${GONE}`,
        }).catch(async (error: Error) => {
          throw await roll.explain(error, OTHERWISE);
        });
        return new ProcessGroup(handle, roll, own, gpu);
      }
      const handle = await promised(what, () =>
        native.connectGroup(
          addresses.handle,
          rank,
          worldSize,
          forCollectives,
          interfaces,
          host,
          roll.shareMemory,
        ),
      );
      return new ProcessGroup(handle, roll, own, null);
    } finally {
      await addresses.close();
    }
  }

  /**
   * For a process that was to hold the store of a group and cannot, because its port is taken: where another process with its rank
   * listens there, both are refused, this one here and that one in `connect`.
   *
   * @param store the one that listens there
   * @throws TorchError naming both
   */
  static refuseTwin(store: Store, place: Pick<ProcessGroupOptions, "rank" | "worldSize">): Promise<void> {
    return Roll.refuseTwin(store, place);
  }

  /**
   * Leaves in each tensor, on all ranks, the sum, mean or maximum of what the ranks have in it. Several go as one.
   *
   * @param tensors one or several of one dtype, on one device; of the same shapes on all ranks
   * @throws TorchError, before anything is sent, where they are not dense, or of a dtype that c10d does not reduce over Gloo: bool, int16,
   *   with libtorch 1.13 bfloat16; for a mean also where they are of integers
   */
  async allReduce(tensors: Tensor | readonly Tensor[], operation: ReduceOperation = "sum"): Promise<void> {
    const list = this.#listOf(tensors);
    const handles = handlesOf(list);
    const whole = list.find(({ dtype }) => !isFloatingPoint(dtype));
    if (operation === "mean" && whole !== undefined)
      throw new TorchError(
        `allReduce: a mean needs floating-point numbers, got ${whole.dtype}; cast it, or take the sum`,
      );
    await this.#collective("allReduce", () =>
      native.allReduce(this.#handle, handles, operation === "mean" ? "sum" : operation),
    );
    if (operation === "mean") noGrad(() => foreachMulInPlace(list, 1 / this.worldSize));
  }

  /** Leaves in each tensor, on all ranks, what rank `from` has in it. Several of one dtype, whichever it is, go as one. */
  async broadcast(tensors: Tensor | readonly Tensor[], from = 0): Promise<void> {
    const handles = handlesOf(this.#listOf(tensors));
    await this.#collective("broadcast", () => native.broadcast(this.#handle, handles, from));
  }

  /** What each rank has, by rank: tensors of any dtype. Shape and dtype are the same on all ranks. */
  async allGather(tensor: Tensor): Promise<Tensor[]> {
    const [handle] = handlesOf(this.#listOf(tensor)) as [Handle];
    return (await this.#collective("allGather", () => native.allGather(this.#handle, handle))).map(wrap);
  }

  /** Waits until all ranks have come here. */
  async barrier(): Promise<void> {
    await this.#collective("barrier", () => native.barrier(this.#handle));
  }

  /**
   * The sum over ranks, which backward() goes through: the gradient is that of the sum of all ranks' losses. For use inside
   * a forward pass, which is synchronous: it blocks the event loop until the others are there.
   *
   * @throws TorchError where that fails; `explain` says of what
   */
  sum(x: Tensor): Tensor {
    const [handle] = handlesOf(this.#listOf(x)) as [Handle];
    return wrap(rethrow("sum", () => native.summed(this.#handle, handle)));
  }

  /**
   * What sums gradients of these parameters, leaves of which each requires one, while backward() still runs. Those of processors
   * of one machine are summed in memory that the ranks share, and in the order of the ranks; others by all-reduce, as all are
   * where PEA_SHM_DISABLE is set for a rank.
   */
  reducer(parameters: readonly Tensor[]): Reducer {
    return new Reducer(this.#handle, this.#listOf(parameters), (name, start) =>
      this.#collective(name, start),
    );
  }

  /** Tells the others what this rank fails of, so that their errors can say so. The process should end then. */
  async fail(reason: string): Promise<void> {
    if (this.#roll.failure === undefined) await this.#roll.leave(reason);
  }

  /**
   * What a failed collective failed of: an error that names the ranks that are the cause, where that can be known; a GroupTimeout where
   * they were waited for as long as the timeout says.
   */
  explain(error: Error): Promise<GroupError> {
    return this.#roll.explain(error);
  }

  /** Cuts the connections, and lets go of the store. Await the collectives under way first. */
  async close(): Promise<void> {
    if (this.#roll.failure !== undefined) return; // What failed may wait for others still; it goes with the process.
    await promised("close", () => native.closeGroup(this.#handle));
  }

  #listOf(tensors: Tensor | readonly Tensor[]): readonly Tensor[] {
    const list = [tensors].flat();
    if (this.#device !== null) requireOn(this.#device, list);
    return list;
  }

  async #collective<T>(name: string, start: () => Promise<T>): Promise<T> {
    if (this.#roll.failure !== undefined) throw await this.#roll.failure;
    // What cannot begin is no failure of the others, who may go on with this rank.
    const begun = rethrow(name, start);
    try {
      const work = promised(name, () => begun);
      if (this.#device === null) return await work;
      // Gloo's connections break with a process; NCCL waits for the timeout.
      const what = `${name}: ${GONE}`;
      return await unless(work, { look: () => this.#roll.hasLost(), every: LOOK, what });
    } catch (error) {
      throw await this.explain(error as Error);
    }
  }
}

/** The GPUs of all ranks, by rank. */
async function gpusOf(
  store: Store,
  device: string,
  { rank, worldSize, timeout }: { rank: number; worldSize: number; timeout: number },
): Promise<string[]> {
  await store.set(`gpu/${rank}`, native.gpuName(device));
  return Promise.all(Array.from({ length: worldSize }, (_, other) => store.get(`gpu/${other}`, { timeout })));
}

const handlesOf = (tensors: readonly Tensor[]): Handle[] => tensors.map((tensor) => Tensor.handleOf(tensor));
