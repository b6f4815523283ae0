/** Tables as the page has them. */
import { type Html, html } from "./html.ts";

/** A table that can be scrolled where it is wider than the page. */
export function scrollable(label: string, table: Html): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">${table}</div>`;
}

/** A table of figures, whose first column names the rows. */
export function numbers(
  label: string,
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): Html {
  return scrollable(
    label,
    html`<table class="numbers"><thead><tr>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows.map(
      ([first, ...cells]) =>
        html`<tr><th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
    )}</tbody></table>`,
  );
}
