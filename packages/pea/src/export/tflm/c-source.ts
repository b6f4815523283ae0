/** Bytes and lists as C++ that microcontrollers' compilers take. */

/** Values of a line. */
const perLine = 16;

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
