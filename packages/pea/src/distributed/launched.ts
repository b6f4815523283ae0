/**
 * What whoever started the processes tells each in its environment: torchrun, Slurm's srun, Open MPI's mpirun, Kubernetes'
 * PyTorchJob, and `pea train --processes`.
 *
 * @module
 */
import { PeaError } from "@pea/core";

/** This process among those that were started together. */
export interface Launched {
  rank: number;
  size: number;
  /** Where rank 0 is reached. */
  host: string;
  port: number;
  /** Whether the port is the one that is taken where MASTER_PORT is not set. */
  isUsualPort: boolean;
  /** Whether rank 0 holds the store, or another process that was there before. */
  holdsStore: boolean;
  /** What the keys of this attempt begin with in a store that outlives it; empty for one of its own. */
  prefix: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** How a launcher calls rank and number of the processes. */
const launchers = [
  { name: "torchrun's", rank: "RANK", size: "WORLD_SIZE" },
  // Of a step: a batch script has SLURM_NTASKS, too, and is one process.
  { name: "Slurm's", rank: "SLURM_PROCID", size: "SLURM_STEP_NUM_TASKS" },
  { name: "Open MPI's", rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE" },
] as const;

/**
 * How this process was started; null where it was alone.
 *
 * @throws PeaError of kind usage where a variable is missing, no number or out of its range
 */
export function launchedAs(environment: Environment): Launched | null {
  const launcher = launcherOf(environment);
  if (launcher === undefined) {
    requireNoHalf(environment);
    return null;
  }
  const size = numberIn(environment, launcher.size, { from: 1 });
  const rank = numberIn(environment, launcher.rank, { to: size - 1 });
  if (size === 1) return null;
  const isAgents = environment.TORCHELASTIC_USE_AGENT_STORE === "True";
  return {
    rank,
    size,
    ...addressIn(environment, launcher.name),
    holdsStore: !isAgents,
    prefix: isAgents ? `/worker/attempt_${restarts(environment)}` : "",
  };
}

/** A process that knows one of torchrun's two would train alone. */
function requireNoHalf(environment: Environment): void {
  const pair = ["RANK", "WORLD_SIZE"];
  const given = pair.find((name) => environment[name] !== undefined);
  if (given === undefined) return;
  const missing = pair.find((name) => environment[name] === undefined);
  throw usage(`${given} is set, but ${missing} is not; set both for each of several processes, or neither`);
}

/** Whether a launcher started this process, be it the only one. */
export const isLaunched = (environment: Environment): boolean => launcherOf(environment) !== undefined;

const launcherOf = (environment: Environment) =>
  launchers.find(({ rank, size }) => environment[rank] !== undefined && environment[size] !== undefined);

/** Whether torchrun has started the processes once more, after one of them had failed. */
export const isRestarted = (environment: Environment): boolean => restarts(environment) > 0;

const restarts = (environment: Environment): number =>
  numberIn(environment, "TORCHELASTIC_RESTART_COUNT", { otherwise: 0 });

function addressIn(
  environment: Environment,
  launcher: string,
): Pick<Launched, "host" | "port" | "isUsualPort"> {
  const host = environment.MASTER_ADDR || environment.SLURM_LAUNCH_NODE_IPADDR;
  if (!host)
    throw usage(
      `this process was started as one of several (${launcher} variables), but MASTER_ADDR is not set; set it to the name ` +
        "or address of the machine of rank 0, and MASTER_PORT to a port that is free there",
    );
  // The jobs of one machine have ports of their own.
  const job = numberIn(environment, "SLURM_JOB_ID", { otherwise: 0 });
  const otherwise = 29_500 + (job % 10_000);
  const port = numberIn(environment, "MASTER_PORT", { to: 65_535, otherwise });
  return { host, port, isUsualPort: environment.MASTER_PORT === undefined };
}

function numberIn(
  environment: Environment,
  name: string,
  { from = 0, to = Number.POSITIVE_INFINITY, otherwise }: { from?: number; to?: number; otherwise?: number },
): number {
  const word = environment[name];
  if (word === undefined && otherwise !== undefined) return otherwise;
  const number = /^\d+$/.test(word ?? "") ? Number(word) : Number.NaN;
  if (number >= from && number <= to) return number;
  throw usage(
    `${name} must be a whole number from ${from} ${to < Number.POSITIVE_INFINITY ? `to ${to}` : "on"}, got ` +
      `${JSON.stringify(word)}; it is set by who starts the processes`,
  );
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
