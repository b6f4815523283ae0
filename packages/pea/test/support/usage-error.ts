import { PeaError } from "@pea/core";

/** Takes a PeaError of kind usage whose message matches; for `assert.throws`. */
export const usage = (message: RegExp) => (error: unknown) =>
  error instanceof PeaError && error.kind === "usage" && message.test(error.message);
