/** The command line within the test's own process: quick, for what needs no process of its own. */
import { mock } from "node:test";
import { main } from "../../src/cli/main.ts";
import type { Outcome } from "./pea-process.ts";

/** Runs `pea` to its end. The test runner's own messages, which are bytes, go on to where they were meant for. */
export async function peaHere(...words: string[]): Promise<Outcome> {
  const printed = { stdout: "", stderr: "" };
  const mocks = (["stdout", "stderr"] as const).map((name) => {
    const stream = process[name];
    const write = stream.write.bind(stream) as (chunk: Uint8Array | string) => boolean;
    return mock.method(stream, "write", (chunk: Uint8Array | string) => {
      if (typeof chunk !== "string") return write(chunk);
      printed[name] += chunk;
      return true;
    });
  });
  try {
    const code = await main(words);
    return { code, ...printed };
  } finally {
    for (const { mock } of mocks) mock.restore();
  }
}
