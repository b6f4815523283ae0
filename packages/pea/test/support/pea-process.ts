/** The command line as its users run it: in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** From the sources, so that one test file needs no build; compiled where all have just been (`npm test`). */
export const peaCommand =
  process.env.PEA_TEST_COMPILED === undefined
    ? [process.execPath, "--conditions=pea-source", "--import", "tsx", here("pea-entry.ts")]
    : [process.execPath, here("../../bin/pea.js")];

/** Starts `pea`. */
export function startPea(...words: string[]): ChildProcess {
  return startPeaIn({}, ...words);
}

/** The same, in an environment that has some variables more. */
export function startPeaIn(variables: NodeJS.ProcessEnv, ...words: string[]): ChildProcess {
  const [program, ...first] = peaCommand;
  return spawn(program as string, [...first, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...variables },
  });
}

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `pea` to its end. */
export async function pea(...words: string[]): Promise<Outcome> {
  return outcomeOf(startPea(...words));
}

/** Waits for a started `pea`, reading what it prints from here on. */
export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, "close"),
  ]);
  return { code, stdout, stderr };
}

/** Waits until a stream has said something. */
export async function said(stream: NodeJS.ReadableStream, what: RegExp): Promise<void> {
  let text = "";
  while (!what.test(text)) text += (await once(stream, "data")).join("");
}
