/** The command line `pea`. Each command loads its own code, so that help and doctor run without the engine. */
import { CommanderError } from "commander";
import { describeError, exitCodeOfError } from "../terminal/errors.ts";
import { log, printResult } from "../terminal/output.ts";
import { createProgram } from "./program.ts";

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
  try {
    const program = await createProgram(words, outcome);
    await program.parseAsync(words, { from: "user" });
    return outcome.code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // Commander has told it on stderr already.
      if (options.json) printError(messageOf(error));
      return USAGE;
    }
    const failed = error instanceof Error ? error : new Error(String(error));
    log(describeError(failed, options));
    if (options.json) printError(failed.message);
    return exitCodeOfError(failed);
  }
}

function printError(message: string): void {
  printResult({ json: true }, { error: { message } }, () => message);
}

function messageOf(error: CommanderError): string {
  if (error.code === "commander.help") return "no command given; see pea --help";
  return error.message.replace(/^error: /, "");
}
