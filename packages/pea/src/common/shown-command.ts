/**
 * Commands as users are shown them, to be pasted: with a name that runs in any project and outside of one, where the
 * short `pea` may be another package's.
 *
 * @module
 */

/** @param words of the command line, those that need it quoted */
export const shownCommand = (...words: readonly string[]): string => ["npx pea-train", ...words].join(" ");

/** The command that goes on with a run. */
export const resumeCommand = (run: string): string => shownCommand("train", "--resume", quoted(run));

/** As a word of a shell. */
export function quoted(word: string): string {
  return /^[\w%+,./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
