/** The element with that id, of that kind. */
export function byId<T extends Element>(id: string, type: { new (): T }): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} called ${id}`);
  return element;
}

export const input = (id: string): HTMLInputElement => byId(id, HTMLInputElement);
export const select = (id: string): HTMLSelectElement => byId(id, HTMLSelectElement);
export const button = (id: string): HTMLButtonElement => byId(id, HTMLButtonElement);

/** A whole number that a field holds, within the field's limits; what it says is put right where it is not. */
export function wholeNumber(id: string): number {
  const field = input(id);
  const [low, high] = [Number(field.min), Number(field.max)];
  const value = Math.min(Math.max(Math.round(Number(field.value)) || low, low), high);
  field.value = String(value);
  return value;
}

/** Fills a list of choices. */
export function offer(id: string, choices: readonly (readonly [value: string, title: string])[]): void {
  select(id).replaceChildren(...choices.map(([value, title]) => new Option(title, value)));
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
