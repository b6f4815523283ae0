/** Bytes and lists as C++ that microcontrollers' compilers take. */

/** Values of a line. */
const perLine = 16;

/** What C++ calls the elements of an array. */
export function cType(values: ArrayBufferView): string {
  if (values instanceof Float32Array) return "float";
  if (values instanceof Uint8Array) return "uint8_t";
  return values instanceof Int16Array ? "int16_t" : "int8_t";
}

/** The initializer of an array, a few values a line. */
export function initializer(values: ArrayLike<number | bigint>): string {
  const words = Array.from(values as ArrayLike<number>, String);
  const lines = Array.from(
    { length: Math.ceil(words.length / perLine) },
    (_, line) => `    ${words.slice(line * perLine, (line + 1) * perLine).join(", ")},`,
  );
  return `{\n${lines.join("\n")}\n}`;
}

/** A header that may be included twice. */
export function header(name: string, ...lines: readonly string[]): string {
  const guard = `PEA_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}_`;
  return [`#ifndef ${guard}`, `#define ${guard}`, "", ...lines, "", `#endif  // ${guard}`, ""].join("\n");
}
