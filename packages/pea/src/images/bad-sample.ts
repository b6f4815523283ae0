/** An image that cannot be read: no bytes, no image, a damaged one. */
export class BadSampleError extends Error {
  override name = "BadSampleError";
}

/** A library's message on one line; it prints each of several problems on its own. */
export function describeProblem({ message }: Error): string {
  return message
    .trim()
    .split(/\s*\n\s*/)
    .join("; ");
}
