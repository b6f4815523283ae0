/**
 * sharp, loaded by whoever first reads or writes an image: it takes 26 MB and 50 ms, which training on data in memory, or
 * on JPEGs, has no use for.
 *
 * @module
 */
type Sharp = typeof import("sharp").default;

let loading: Promise<Sharp> | undefined;

/** The library, set to decode an image once and on one thread: the threads are the workers'. */
export function loadSharp(): Promise<Sharp> {
  loading ??= import("sharp").then(({ default: sharp }) => {
    sharp.concurrency(1);
    sharp.cache(false);
    return sharp;
  });
  return loading;
}
