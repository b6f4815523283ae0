/** The modules around a path, from the outermost on: of `a.b.c` `a` and `a.b`. */
export function parentsOf(path: string): string[] {
  const parts = path.split(".");
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("."));
}
