/** Whether a command line asks how it is to be written, whatever else it says. */
export const asksForHelp = (words: readonly string[]): boolean =>
  words.some((word) => word === "--help" || word === "-h");
