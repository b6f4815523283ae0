/** How a value that is no Tensor looks in a message: `"text"`, `undefined`, `an object of class Map`. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return value === null || typeof value !== "object"
    ? String(value)
    : `an object of class ${value.constructor?.name ?? "null"}`;
}

/** What every failure of this package throws: the message names the operator or thing, the value, and the way out. */
export class TorchError extends Error {
  override readonly name = "TorchError";
}
