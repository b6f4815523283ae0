import { PeaError } from "@pea/core";

/** What a key of the recipe is called: `batchSize`, or `--batch-size` where it is an option. */
export type NameOfKey = (key: string) => string;

/**
 * A mistake in settings, told by the names that whoever made it knows them by: by the recipe's keys, unless it is worded
 * anew.
 */
export class SettingError extends PeaError {
  readonly #words: (name: NameOfKey) => string;

  /** @param words the message, in which `name` is what a key (`l2.coef` within a group) is called */
  constructor(words: (name: NameOfKey) => string, options: ErrorOptions = {}) {
    super(
      words((key) => key),
      { kind: "usage", ...options },
    );
    this.#words = words;
  }

  /** The same mistake in other names. */
  namedBy(name: NameOfKey): PeaError {
    const { message, stack, kind, cause } = this;
    const named = new PeaError(this.#words(name), { kind, ...(cause !== undefined && { cause }) });
    named.stack = stack?.replace(message, () => named.message);
    return named;
  }
}
