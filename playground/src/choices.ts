/** What the forms offer. */
export const smoothChoices = [
  ["mish", "Mish"],
  ["gelu", "GELU"],
  ["swish", "Swish"],
  ["elu", "ELU"],
] as const;
