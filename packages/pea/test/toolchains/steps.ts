/** READMEs beside exported files, followed by Python. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Folders of programs: the tools that need torch, and the others. */
const programs = { torch: process.env.PEA_TOOLCHAINS_TORCH, other: process.env.PEA_TOOLCHAINS } as const;

/**
 * Follows the README of a folder, and gives the answers that it ends with.
 *
 * @param images of float32, one after the other, each of `shape`
 * @throws Error with the last lines of what the tool said, where a step fails
 */
export function followReadme(
  folder: string,
  images: Float32Array,
  shape: readonly number[],
  kind: keyof typeof programs,
): Float32Array {
  writeFileSync(
    join(folder, "images.in"),
    new Uint8Array(images.buffer, images.byteOffset, images.byteLength),
  );
  const python = join(programs[kind] ?? "", "python3");
  const script = join(import.meta.dirname, "run_steps.py");
  const env = { ...process.env, OMP_NUM_THREADS: "1", TVM_NUM_THREADS: "1" };
  const { status, stdout, stderr } = spawnSync(python, [script, folder, shape.join()], {
    encoding: "utf8",
    env,
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`README.md cannot be followed:\n${`${stdout}\n${stderr}`.slice(-3000)}`);
  const { buffer } = new Uint8Array(readFileSync(join(folder, "logits.out")));
  return new Float32Array(buffer);
}
