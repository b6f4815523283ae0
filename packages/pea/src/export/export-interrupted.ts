import { PeaError } from "@pea/core";
import type { StopRequest } from "../common/stop-request.ts";

/** An export that was stopped: of its file there is nothing, and what was there before stays. */
export class ExportInterrupted extends PeaError {
  override name = "ExportInterrupted";
  constructor(readonly reason: unknown) {
    super("export stopped; nothing is written");
  }
}

/** @throws ExportInterrupted where somebody wants it to end */
export function requireGoingOn(signal: StopRequest | undefined): void {
  if (signal?.aborted) throw new ExportInterrupted(signal.reason);
}
