/** What every failure of this package throws: the message names the operator or thing, the value, and the way out. */
export class TorchError extends Error {
  override readonly name = "TorchError";
}
