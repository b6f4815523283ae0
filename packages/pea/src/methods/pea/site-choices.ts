/**
 * Which ensemble and which smooth activation each site has.
 *
 * @module
 */
import { type Ensemble, type ownSmooth, PeaError, type SmoothName } from "@pea/core";

/** What a site has. */
export interface SiteChoice {
  readonly ensemble: Ensemble;
  readonly smooth: SmoothName | typeof ownSmooth;
}

/**
 * What sites have in the place of the network's common choice, by patterns of their paths: the path of a site, or of a module that
 * it lies in, where `*` is any name between two dots. Of several patterns for a site the last counts.
 */
export type SitePatterns = Readonly<
  Record<string, { readonly ensemble?: Ensemble | undefined; readonly smooth?: SmoothName | undefined }>
>;

/**
 * The choice of each site, in their order.
 *
 * @param paths of the sites
 * @throws PeaError of kind usage for a pattern of no site
 */
export function siteChoices(
  paths: readonly string[],
  patterns: SitePatterns,
  common: SiteChoice,
): SiteChoice[] {
  const own = Object.entries(patterns).map(([pattern, { ensemble, smooth }]) => {
    const isMeant = matcher(pattern);
    if (!paths.some(isMeant))
      throw new PeaError(
        `sites has the pattern ${JSON.stringify(pattern)}, which no site's path has: they are ${listed(paths)}; a pattern is a ` +
          "path, or that of a module around sites, with * for any name between two dots",
        { kind: "usage" },
      );
    return { isMeant, choice: { ...(ensemble && { ensemble }), ...(smooth && { smooth }) } };
  });
  return paths.map((path) => {
    const meant = own.filter(({ isMeant }) => isMeant(path));
    return Object.assign({ ...common }, ...meant.map(({ choice }) => choice));
  });
}

function matcher(pattern: string): (path: string) => boolean {
  const names = pattern.split(".");
  return (path) => {
    const parts = path.split(".");
    return names.length <= parts.length && names.every((name, i) => isLike(name, parts[i] as string));
  };
}

/** Whether a name is what a pattern of it says. */
function isLike(pattern: string, name: string): boolean {
  const pieces = pattern.split("*").map((piece) => piece.replace(/[^\w]/g, "\\$&"));
  return new RegExp(`^${pieces.join(".*")}$`).test(name);
}

function listed(paths: readonly string[]): string {
  const [most, rest] = [paths.slice(0, 6), paths.length - 6];
  return `${most.join(", ")}${rest > 0 ? `, … and ${rest} more` : ""}`;
}
