/** What commander says of a command line that it does not understand. */
import type { Command, CommanderError } from "commander";

/** The message of commander's error, with the options that may be meant where it names an unknown one. */
export function usageMessage({ code, message }: CommanderError, program: Command, words: readonly string[]) {
  if (code === "commander.help") return "no command given; see pea --help";
  const said = message.replace(/^error: /, "");
  if (/^unknown command '.*'$/.test(said)) return `${said}; see pea --help`;
  const unknown = /^unknown option '(--\w[^'=]*)/.exec(said)?.[1];
  if (unknown === undefined) return said;
  const command = program.commands.find((one) => one.name() === words[0]);
  const near = nearOptions(unknown, command ?? program);
  const isOne = near.length === 1;
  return near.length === 0
    ? `${said}; see pea ${command === undefined ? "" : `${command.name()} `}--help`
    : `${said}\n(Did you mean ${isOne ? "" : "one of "}${near.join(", ")}?)`;
}

/** Options that begin with what was typed, or else have it as words within. Commander itself looks for mistyped letters alone. */
function nearOptions(typed: string, command: Command): string[] {
  const names = command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);
  const beginning = names.filter((name) => name.startsWith(typed));
  const within = names.filter((name) => `${name}-`.includes(`${typed.slice(1)}-`));
  return (beginning.length > 0 ? beginning : within).toSorted();
}
