/** Number of a class, from 0, or its name. */
export type Label = number | string;

/** Labels count from 0, or from 1. */
export type LabelBase = 0 | 1;

/** Longest name of a class. */
const MAX_NAME = 200;

/**
 * A label that is written as text: a number from `base` on, or a name, which has a letter at least. null for what is
 * neither.
 */
export function parseLabel(text: string, base: LabelBase): Label | null {
  const trimmed = text.trim();
  if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed) < base ? null : Number(trimmed) - base;
  return /\p{L}/u.test(trimmed) && trimmed.length <= MAX_NAME ? trimmed : null;
}
