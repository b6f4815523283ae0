/** Who has to act: `usage`, the user asked for something impossible; `failure`, the program could not do it. */
export type PeaErrorKind = "usage" | "failure";

/** What a {@link PeaError} is built with besides its message. */
export interface PeaErrorOptions extends ErrorOptions {
  /** Default `failure`. */
  readonly kind?: PeaErrorKind;
}

/**
 * An error meant to be read by a person: its message names the thing, the value given and the way out.
 *
 * @example throw new PeaError(`epochs is -3; give a number above 0`, { kind: "usage" });
 */
export class PeaError extends Error {
  readonly kind: PeaErrorKind;

  constructor(message: string, { kind = "failure", ...options }: PeaErrorOptions = {}) {
    super(message, options);
    this.name = "PeaError";
    this.kind = kind;
  }

  /** The exit status a command-line program ends with: 2 for a user's mistake, 1 for a failure. */
  get exitCode(): 1 | 2 {
    return this.kind === "usage" ? 2 : 1;
  }
}
