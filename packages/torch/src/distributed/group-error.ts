import { TorchError } from "../error.ts";

/** What has become of a rank that others waited for. */
export interface LostRank {
  rank: number;
  /** Number of its process. */
  pid: number;
  /** Name of its machine. */
  host: string;
  /** It failed by itself and said so, its process has ended, or it does not answer. */
  state: "failed" | "ended" | "silent";
  /** What a rank failed of by itself. */
  reason?: string;
  /** Whether the store is lost with it. */
  heldStore?: boolean;
}

/** What processes that compute together failed of on this rank. */
export class GroupError extends TorchError {
  /**
   * @param what the collective, and what failed in it
   * @param lost the ranks that are its cause; none where that is not known
   */
  constructor(
    what: string,
    readonly lost: readonly LostRank[] = [],
  ) {
    super(lost.length === 0 ? what : `${lost.map(describeLost).join("; ")} (${what})`);
  }
}

/** Other ranks were waited for as long as a group's `timeout` says, and not longer: more time may be the way out. */
export class GroupTimeout extends GroupError {}

function describeLost({ rank, pid, host, state, reason, heldStore }: LostRank): string {
  const words = { failed: `failed: ${reason}`, ended: "has ended", silent: "does not answer" }[state];
  return `rank ${rank} (process ${pid} on ${host}) ${words}${heldStore ? ", and with it the store" : ""}`;
}
