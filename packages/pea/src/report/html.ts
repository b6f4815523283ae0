/** A piece of HTML whose values are escaped already. */
export class Html {
  constructor(readonly text: string) {}
}

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Tagged template: interpolated values are escaped, pieces of {@link Html} and lists of them are put in as they are. */
export function html(literals: TemplateStringsArray, ...values: unknown[]): Html {
  const parts = values.map((value, i) => render(value) + literals[i + 1]);
  return new Html(literals[0] + parts.join(""));
}

function render(value: unknown): string {
  if (Array.isArray(value)) return value.map(render).join("");
  if (value instanceof Html) return value.text;
  return String(value).replace(/[&<>"']/g, (character) => entities[character] as string);
}

/** `value` as JSON which can stand inside a script element: no `<` can end it. */
export function scriptJson(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll("<", "\\u003c"));
}
