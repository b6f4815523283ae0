/** The bytes of numbers as they lie in memory: machines that Node.js runs on keep the lowest of each first, as files do. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
