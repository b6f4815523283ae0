import { TorchError } from "../error.ts";
import { rethrow } from "../tensor.ts";

/** Starts what settles later; a failure, now or then, is a TorchError that names it. */
export async function promised<T>(what: string, start: () => Promise<T>): Promise<T> {
  const work = rethrow(what, start);
  try {
    return await work;
  } catch (error) {
    throw new TorchError(`${what}: ${(error as Error).message}`);
  }
}

/** What was waited for has not settled in time. */
export class NoAnswer extends TorchError {}

/**
 * What settles, unless a look from time to time finds that it will not.
 *
 * @param look true once it cannot settle any more; where it fails itself, that is not known
 * @param every how long after one look the next begins, in milliseconds
 * @throws TorchError then
 */
export async function unless<T>(
  work: Promise<T>,
  { look, every, what }: { look: () => Promise<boolean>; every: number; what: string },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const lost = new Promise<never>((_, reject) => {
    const lookAgain = async () => {
      const isLost = await look().catch(() => false);
      if (isLost) reject(new TorchError(what));
      else if (!isOver) timer = setTimeout(lookAgain, every);
    };
    timer = setTimeout(lookAgain, every);
  });
  try {
    return await Promise.race([work, lost]);
  } finally {
    isOver = true;
    clearTimeout(timer);
    work.catch(() => {});
  }
}

/** What settles within some milliseconds; else a TorchError that says so (`NoAnswer`). */
export async function within<T>(milliseconds: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new NoAnswer(`${what}: no answer within ${Math.round(milliseconds)} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}
