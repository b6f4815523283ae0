import { lookup } from "node:dns/promises";
import { PeaError } from "@pea/core";
import { PrefixStore, ProcessGroup, type ProcessGroupOptions, TCPStore } from "@pea/torch";
import type { Launched } from "./launched.ts";
import { ConnectedRanks } from "./ranks.ts";

/** Where all processes are on one machine they need not be reached from others. */
const isHere = (host: string): boolean => /^(127\.|localhost$|::1$)/.test(host);

/**
 * Waits for the other processes that this one was started with, and connects them.
 *
 * @param options.timeout until the others must have come, and in training have answered, in milliseconds
 * @throws PeaError where their address is wrong; TorchError naming the ranks that did not come
 */
export async function connectRanks(
  { rank, size, host, port, holdsStore, prefix }: Launched,
  { timeout }: Pick<ProcessGroupOptions, "timeout"> = {},
): Promise<ConnectedRanks> {
  const connected = await storeAt({ host, port, isServer: holdsStore && rank === 0, timeout });
  const store = prefix === "" ? connected : new PrefixStore(connected, prefix);
  const group = await ProcessGroup.connect(store, {
    rank,
    worldSize: size,
    timeout,
    ...(isHere(host) && process.env.GLOO_SOCKET_IFNAME === undefined && { host: "127.0.0.1" }),
  });
  return new ConnectedRanks(group, [store, connected]);
}

async function storeAt(address: Parameters<typeof TCPStore.connect>[0]): Promise<TCPStore> {
  try {
    return await TCPStore.connect(address);
  } catch (error) {
    const remedy = await remedyFor(address);
    throw new PeaError(`${(error as Error).message.replace(/\.$/, "")}; ${remedy}`, { cause: error });
  }
}

async function remedyFor({ host, isServer }: Parameters<typeof TCPStore.connect>[0]): Promise<string> {
  const isKnown = await lookup(host).then(
    () => true,
    () => false,
  );
  if (!isKnown) return `the name ${host} in MASTER_ADDR cannot be resolved on this machine`;
  if (!isServer)
    return "MASTER_ADDR and MASTER_PORT must say where rank 0 listens, which must have been started, too";
  return (
    "MASTER_ADDR must name this machine, and MASTER_PORT a port that is free on it: another program, or another process " +
    "with rank 0, may listen there"
  );
}
