import { PeaError } from "@pea/core";

/** @param what has files for one image at a time, and was asked for several */
export function oneImageAlone(what: string, batch: number): PeaError {
  return new PeaError(`${what} is written for one image at a time, not ${batch}; leave batch (--batch) out`, {
    kind: "usage",
  });
}
