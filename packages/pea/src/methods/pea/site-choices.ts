/**
 * Which ensemble and which smooth activation each site has.
 *
 * @module
 */
import { type Ensemble, type ownSmooth, PeaError, type SmoothName } from "@pea/core";

/** β of a smooth activation, Act(βx)/β, or that it is learned. */
export type BetaChoice = number | "learned";

/** What a site has. */
export interface SiteChoice {
  readonly ensemble: Ensemble;
  readonly smooth: SmoothName | typeof ownSmooth;
  readonly beta: BetaChoice;
}

/**
 * What sites have in the place of the network's common choice, by patterns of their paths: the path of a site, or of a module that
 * it lies in, where `*` is any name between two dots. Of several patterns for a site the one with more names counts, and of those the
 * one with fewer `*`; their order is none.
 */
export type SitePatterns = Readonly<
  Record<
    string,
    {
      readonly ensemble?: Ensemble | undefined;
      readonly smooth?: SmoothName | undefined;
      readonly beta?: BetaChoice | undefined;
    }
  >
>;

/**
 * The choice of each site, in their order.
 *
 * @param paths of the sites
 * @throws PeaError of kind usage for a pattern of no site, and where a site has several of which none counts more
 */
export function siteChoices(
  paths: readonly string[],
  patterns: SitePatterns,
  common: SiteChoice,
): SiteChoice[] {
  const own = Object.entries(patterns)
    .toSorted(bySpecificity)
    .map(([pattern, { ensemble, smooth, beta }]) => {
      const isMeant = matcher(pattern);
      if (!paths.some(isMeant))
        throw new PeaError(
          `sites has the pattern ${JSON.stringify(pattern)}, which no site's path has: they are ${listed(paths)}; a pattern is a ` +
            "path, or that of a module around sites, with * for any name between two dots",
          { kind: "usage" },
        );
      const choice = { ...(ensemble && { ensemble }), ...(smooth && { smooth }), ...(beta && { beta }) };
      return { pattern, isMeant, choice };
    });
  return paths.map((path) => {
    const meant = own.filter(({ isMeant }) => isMeant(path));
    for (const [i, { pattern, choice }] of meant.entries()) {
      const other = meant
        .slice(i + 1)
        .find((later) => isEven(pattern, later.pattern) && differ(choice, later.choice));
      if (other !== undefined)
        throw new PeaError(
          `sites has ${JSON.stringify(pattern)} and ${JSON.stringify(other.pattern)} for ${path}, which differ and of which none is ` +
            "more exact; name one of them with more names, or with fewer *",
          { kind: "usage" },
        );
    }
    return Object.assign({ ...common }, ...meant.map(({ choice }) => choice));
  });
}

/** Names of a pattern, and those of them that say exactly one. */
function exactness(pattern: string): [names: number, exact: number] {
  const names = pattern.split(".");
  return [names.length, names.filter((name) => !name.includes("*")).length];
}

/** The more exact pattern last. */
function bySpecificity([one]: [string, unknown], [other]: [string, unknown]): number {
  const [a, b] = [exactness(one), exactness(other)];
  return a[0] - b[0] || a[1] - b[1];
}

const isEven = (one: string, other: string): boolean => bySpecificity([one, null], [other, null]) === 0;

/** Whether two choices say of one thing something else. */
function differ(one: Partial<SiteChoice>, other: Partial<SiteChoice>): boolean {
  return (["ensemble", "smooth", "beta"] as const).some(
    (key) => one[key] !== undefined && other[key] !== undefined && one[key] !== other[key],
  );
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
