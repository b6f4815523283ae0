/**
 * What single runs do class by class, as far as their directories tell.
 * @module
 */
import { breakdownTables } from "../tasks/breakdown-tables.ts";
import type { Group } from "./groups.ts";
import { type Html, html } from "./html.ts";
import { numbers } from "./tables.ts";

/** Classes, confusions and the worst images of each run; of a run that stands alone at once. */
export function breakdowns({ runs }: Group): Html {
  return html`${runs.flatMap(({ name, breakdown }) => {
    if (breakdown === undefined) return [];
    const tables = breakdownTables(breakdown).map(
      ({ title, columns, rows }) => html`<h4>${title}</h4>${numbers(title, columns, rows)}`,
    );
    return html`<details${runs.length === 1 ? html` open` : ""}><summary>Classes and test images of ${name}</summary>${tables}</details>`;
  })}`;
}
