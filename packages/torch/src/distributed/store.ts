import { closeSync, openSync } from "node:fs";
import { type Handle, native } from "../binding.ts";
import { TorchError } from "../error.ts";
import { optionsOf } from "../options.ts";
import { rethrow } from "../tensor.ts";
import { promised, within } from "./promised.ts";

/** A store as the addon hands it out. */
export type StoreHandle = Handle;

/** Waits between two looks at a key that is not there yet, in milliseconds: the first, and the longest. */
const LOOK = { first: 2, longest: 100 };

/** How long a store may at least take to answer, in milliseconds: one at the end of a wait is no hint of silence. */
const ANSWER = 5_000;

/**
 * What processes tell one another before they are a group: texts by key. Nothing here blocks the event loop.
 */
export abstract class Store {
  /** For this package alone. */
  abstract readonly handle: StoreHandle;
  #closing: Promise<void> | undefined;

  /** Leaves a text for the others, in place of the one that is there. */
  async set(key: string, value: string): Promise<void> {
    await promised(`set ${JSON.stringify(key)}`, () => native.storeSet(this.handle, key, value));
  }

  /** Adds a whole number to the one under a key, 0 where there is none, in one step for all processes. The sum. */
  add(key: string, amount: number): Promise<number> {
    return promised(`add ${JSON.stringify(key)}`, () => native.storeAdd(this.handle, key, amount));
  }

  /** Whether there is a text under the key. */
  has(key: string): Promise<boolean> {
    return promised(`has ${JSON.stringify(key)}`, () => native.storeHas(this.handle, key));
  }

  /**
   * The text under a key; waits until there is one.
   *
   * @param options.timeout in milliseconds, 300,000 (five minutes) by default
   * @throws TorchError where there is none by then, or the store itself does not answer
   */
  async get(key: string, options: { timeout?: number } = {}): Promise<string> {
    const { timeout = 300_000 } = optionsOf("get(key, { timeout })", options);
    const what = `get ${JSON.stringify(key)}`;
    const end = performance.now() + timeout;
    for (let pause = LOOK.first; ; pause = Math.min(2 * pause, LOOK.longest)) {
      const left = Math.max(end - performance.now(), ANSWER);
      if (await within(left, this.has(key), what)) break;
      if (performance.now() >= end)
        throw new TorchError(`${what}: no process has set it within ${timeout} ms`);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return promised(what, () => native.storeGet(this.handle, key));
  }

  /**
   * Lets go of it. Groups, and stores with a prefix, that were made of it go on with it until they are closed themselves. Waits five
   * seconds at most, where another program that speaks to it hangs.
   */
  close(): Promise<void> {
    this.#closing ??= within(ANSWER, native.closeStore(this.handle), "close").catch(() => {});
    return this.#closing;
  }
}

/**
 * A store in the memory of one process, which the others reach over the network. It listens until it is closed there, with all that
 * was made of it, or that process ends.
 */
export class TCPStore extends Store {
  private constructor(
    readonly handle: StoreHandle,
    /** Where it listens. */
    readonly port: number,
  ) {
    super();
  }

  /**
   * @param options.host name or address of the machine whose process holds it
   * @param options.port at which it listens; 0, for that process alone: one that is free
   * @param options.isServer whether that is this process
   * @param options.timeout until it must have been reached, in milliseconds; 300,000 (five minutes) by default
   * @throws TorchError where it is not reached, or the port is taken
   */
  static async connect(options: {
    host: string;
    port: number;
    isServer: boolean;
    timeout?: number;
  }): Promise<TCPStore> {
    const {
      host,
      port,
      isServer,
      timeout = 300_000,
    } = optionsOf("TCPStore.connect({ host, port, isServer, timeout })", options);
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw new TorchError(`TCPStore.connect: the port must be an integer from 0 to 65535, got ${port}`);
    const what = `TCPStore.connect ${host}:${port}`;
    const connecting = promised(what, () => native.connectTcpStore(host, port, isServer, timeout));
    // Some engines talk with whoever listens there, and wait for an answer without end.
    const [handle, listening] = await within(timeout + ANSWER, connecting, what);
    return new TCPStore(handle, listening);
  }
}

/** A store in a file that all processes reach, on one machine or on a file system with locks that they share. */
export class FileStore extends Store {
  readonly handle: StoreHandle;

  /**
   * @param path of a file that is new and stays: remove it once all processes have left
   * @param worldSize how many processes there are
   * @throws TorchError where the file cannot be made
   */
  constructor(path: string, worldSize: number) {
    super();
    this.handle = rethrow(`FileStore ${path}`, () => {
      // Whoever reads a file that is not there waits for it, in some engines.
      closeSync(openSync(path, "a"));
      return native.openFileStore(path, worldSize);
    });
  }
}

/** The keys of a store that begin with a prefix, as a store of its own. */
export class PrefixStore extends Store {
  readonly handle: StoreHandle;

  constructor(
    readonly store: Store,
    readonly prefix: string,
  ) {
    super();
    this.handle = native.prefixStore(store.handle, prefix);
  }
}
