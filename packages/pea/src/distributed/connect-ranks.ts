import { lookup } from "node:dns/promises";
import { PeaError } from "@pea/core";
import { nameRanks, PrefixStore, ProcessGroup, TCPStore } from "@pea/torch";
import { greetingAt } from "./greeting.ts";
import type { Launched } from "./launched.ts";
import { ConnectedRanks } from "./ranks.ts";

/** How long a process waits for the others where nothing else is said, in seconds. */
export const USUAL_TIMEOUT = 300;

/** After how long it is told that the store is waited for, in milliseconds. */
const PATIENCE = 5000;

/** Where all processes are on one machine they need not be reached from others. */
const isHere = (host: string): boolean => /^(127\.|localhost$|::1$)/.test(host);

const unset = ({ isUsualPort }: Launched): string => (isUsualPort ? "MASTER_PORT is not set; " : "");

/**
 * Waits for the other processes that this one was started with, and connects them.
 *
 * @param options.timeout until the others must have come, and in training have answered, in seconds
 * @param options.onWaiting told once, after some seconds, which of them are waited for, and where; of those that wait together only
 *   the first is
 * @throws PeaError where their address is wrong; TorchError naming the ranks that did not come, or that were given twice
 */
export async function connectRanks(
  launched: Launched,
  { timeout = USUAL_TIMEOUT, onWaiting }: { timeout?: number; onWaiting?: (line: string) => void } = {},
): Promise<ConnectedRanks> {
  const { rank, size, host, prefix } = launched;
  const tell = (missing: readonly number[], port: number) =>
    onWaiting?.(
      `waiting for ${nameRanks(missing)} of ${size} at ${host}:${port} (${unset(launched)}up to ${timeout} s)`,
    );
  const late = setTimeout(() => rank > 0 && tell([0], launched.port), PATIENCE);
  const connected = await storeOf(launched, 1000 * timeout).finally(() => clearTimeout(late));
  const store = prefix === "" ? connected : new PrefixStore(connected, prefix);
  const group = await ProcessGroup.connect(store, {
    rank,
    worldSize: size,
    timeout: 1000 * timeout,
    onMissing(missing) {
      const isFirst = missing.filter((other) => other < rank).length === rank;
      if (isFirst) tell(missing, connected.port);
    },
    ...(isHere(host) && process.env.GLOO_SOCKET_IFNAME === undefined && { host: "127.0.0.1" }),
  });
  return new ConnectedRanks(group, [store, connected]);
}

async function storeOf(launched: Launched, timeout: number): Promise<TCPStore> {
  const { rank, size, host, port, holdsStore } = launched;
  const isServer = holdsStore && rank === 0;
  try {
    if (!isServer) await requireSilence({ host, port });
    return await TCPStore.connect({ host, port, isServer, timeout });
  } catch (error) {
    if (isServer) await refuseTwin({ host, port, size });
    const remedy = await remedyFor(launched, isServer);
    throw new PeaError(`${(error as Error).message.replace(/\.$/, "")}; ${remedy}`, { cause: error });
  }
}

type Address = Pick<Launched, "host" | "port">;

/** @throws PeaError where no store listens there, but a program that speaks first */
async function requireSilence({ host, port }: Address): Promise<void> {
  const greeting = await greetingAt(host, port);
  if (greeting !== null)
    throw new PeaError(`another program listens at ${host}:${port} (it says ${JSON.stringify(greeting)})`);
}

/** Where rank 0 cannot listen because another process with rank 0 does. */
async function refuseTwin({ host, port, size }: Address & Pick<Launched, "size">): Promise<void> {
  if ((await greetingAt(host, port)) !== null) return;
  const place = { host, port, isServer: false, timeout: PATIENCE };
  const other = await TCPStore.connect(place).catch(() => null);
  if (other !== null) await ProcessGroup.refuseTwin(other, { rank: 0, worldSize: size });
}

async function remedyFor(launched: Launched, isServer: boolean): Promise<string> {
  const { host, port, isUsualPort } = launched;
  const isKnown = await lookup(host).then(
    () => true,
    () => false,
  );
  if (!isKnown) return `the name ${host} in MASTER_ADDR cannot be resolved on this machine`;
  const its = isUsualPort ? `MASTER_PORT (${port} where it is not set)` : "MASTER_PORT";
  if (!isServer)
    return `MASTER_ADDR and ${its} must say where rank 0 listens, which must have been started, too`;
  return `MASTER_ADDR must name this machine, and ${its} a port that is free on it: another program may listen there`;
}
