/** LiteRT's reference kernels and LiteRT for Microcontrollers, from Python's packages. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file, and samples of its one input one after the other. */
export interface ModelCase {
  readonly model: Uint8Array;
  readonly inputs: ArrayBufferView;
  /** Bytes that LiteRT for Microcontrollers may take; more than enough where left out. */
  readonly arena?: number;
}

/** What each runtime computes, the outputs of a sample one after the other; or why it refuses. */
export interface Computed {
  readonly litert: Uint8Array | string;
  readonly micro: Uint8Array | string;
}

const python = process.env.PEA_EMBEDDED_PYTHON ?? "python3";

/** Runs files, all in one process of Python's. */
export function runModels(cases: readonly ModelCase[]): Computed[] {
  const folder = mkdtempSync(join(tmpdir(), "pea-embedded-"));
  try {
    const path = (place: number, end: string) => join(folder, `${String(place).padStart(4, "0")}.${end}`);
    cases.forEach(({ model, inputs, arena }, place) => {
      writeFileSync(path(place, "tflite"), model);
      if (arena !== undefined) writeFileSync(path(place, "arena"), String(arena));
      writeFileSync(path(place, "in"), new Uint8Array(inputs.buffer, inputs.byteOffset, inputs.byteLength));
    });
    execFileSync(python, [join(import.meta.dirname, "run_models.py"), folder], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const result = (place: number, name: string) =>
      existsSync(path(place, `${name}.error`))
        ? readFileSync(path(place, `${name}.error`), "utf8")
        : new Uint8Array(readFileSync(path(place, name)));
    return cases.map((_, place) => ({ litert: result(place, "litert"), micro: result(place, "micro") }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Both runtimes ran, and gave these bytes. */
export function assertSameBytes({ litert, micro }: Computed, expected: Uint8Array, name = ""): void {
  const same = { different: 0, of: expected.length };
  assert.deepEqual(differences(litert, expected), same, `LiteRT ${name}`);
  assert.deepEqual(differences(micro, expected), same, `LiteRT for Microcontrollers ${name}`);
}

function differences(actual: Uint8Array | string, expected: Uint8Array): unknown {
  if (typeof actual === "string") return actual;
  return { different: expected.filter((byte, i) => byte !== actual[i]).length, of: actual.length };
}
