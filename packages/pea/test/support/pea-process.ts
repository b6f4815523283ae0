/** The command line as its users run it: in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("pea-entry.ts", import.meta.url));

/** Starts `pea` from its sources. */
export function startPea(...words: string[]): ChildProcess {
  const node = ["--conditions=pea-source", "--import", "tsx", entry];
  return spawn(process.execPath, [...node, ...words], { stdio: ["ignore", "pipe", "pipe"] });
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
