/** Where ReLU of that name is cut off: `relu` nowhere, at Infinity, `relu6` at 6, `relu1.5` at 1.5; null for another name. */
export function boundOfReLU(name: string): number | null {
  const found = /^relu(\d+(?:\.\d+)?)?$/.exec(name);
  if (found === null) return null;
  const bound = Number(found[1] ?? Number.POSITIVE_INFINITY);
  return bound > 0 ? bound : null;
}
