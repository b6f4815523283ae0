/** What LiteRT's reference kernels computed, kept as digests: `npm run test:embedded` holds them to it. */
import { createHash } from "node:crypto";
import { join } from "node:path";

/** A file of digests by the run's name. */
export const litertDigests = join(import.meta.dirname, "../export/tflite/litert-digests.json");

/** The first digits of SHA-256. */
export function digestOf(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 24);
}
