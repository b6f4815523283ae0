/** Where a command's words go: its result to stdout, all else to stderr. */
import type { OpeningProgress } from "../data/sources/sample-source.ts";

/** Flags every command has. */
export interface CommonOptions {
  /** Print the result as one JSON document. */
  json?: boolean;
  /** Show the stack of an error. */
  debug?: boolean;
}

/** Prints a command's result: as JSON, or as the text for people. */
export function printResult({ json }: CommonOptions, document: unknown, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : `${text()}\n`);
}

/** Prints a line that is not the result. */
export function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Time between two lines on the opening of data, in milliseconds. */
const QUIET = 10_000;

/** Says from time to time how far the opening of data is; nothing where it is quick. */
export function openingReporter(write = log): (progress: OpeningProgress) => void {
  let spokenAt = performance.now();
  return ({ done, total, path }) => {
    if (performance.now() - spokenAt < QUIET) return;
    spokenAt = performance.now();
    write(`looking for images: ${done} of ${total} done, the last ${path}`);
  };
}

/**
 * Lets a reader close the pipe early (`pea models | head`), or the terminal, without ending what runs. Where output cannot be written
 * for another reason, a full disk for one, the process says so and ends with code 1.
 *
 * @param program whom the message names
 */
export function outliveReaders(program = "pea"): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE" || (error.code === "EIO" && stream.isTTY)) return;
      if (stream === process.stdout) log(`${program}: cannot write the output: ${error.message}`);
      process.exit(1);
    });
}

/** Bytes as `512 MiB`. */
export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** Columns padded to their widest cell; numbers, also as text, to the right. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = [header, ...rows].map((row) => row.map(String));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumber = (cell: string | number | undefined) =>
    typeof cell === "number" || /^([\d.]+|–)$/.test(cell ?? "");
  const isNumeric = header.map((_, column) => rows.every((row) => isNumber(row[column])));
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
