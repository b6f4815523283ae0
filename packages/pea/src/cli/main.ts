/** The command line `pea`. Each command loads its own code, so that help and doctor run without the engine. */
import { PeaError } from "@pea/core";
import { type Command, CommanderError } from "commander";
import { describeError, exitCodeOfError } from "../terminal/errors.ts";
import { log, printResult } from "../terminal/output.ts";
import { createProgram } from "./program.ts";
import { usageMessage } from "./usage-message.ts";

/** Exit code of a user's mistake. */
const USAGE = 2;

/**
 * Runs one command line.
 *
 * @param words the words after `pea`
 * @returns the exit code: 0; 1 for a failure; 2 for a user's mistake; 130, 143 or 129 when stopped by a signal
 */
export async function main(words: readonly string[]): Promise<number> {
  const outcome = { code: 0 };
  const options = { json: words.includes("--json"), debug: words.includes("--debug") };
  let program: Command | undefined;
  try {
    program = await createProgram(words, outcome);
    await program.parseAsync(words, { from: "user" });
    return outcome.code;
  } catch (error) {
    if (program !== undefined && error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      const message = usageMessage(error, program, words);
      // Help is there already.
      if (error.code !== "commander.help") log(`pea: ${message}`);
      if (options.json) printError(message);
      return USAGE;
    }
    const failed = await asTold(error, words);
    log(describeError(failed, options));
    if (options.json) printError(failed.message);
    return exitCodeOfError(failed);
  }
}

function printError(message: string): void {
  printResult({ json: true }, { error: { message } }, () => message);
}

async function asTold(error: unknown, words: readonly string[]): Promise<Error> {
  // What knows the options of recipes is loaded for mistakes alone, one of which may be in these.
  if (error instanceof PeaError && error.kind === "usage")
    return (await import("./option-names.ts")).namedByOptions(error, words);
  return error instanceof Error ? error : new Error(String(error));
}
