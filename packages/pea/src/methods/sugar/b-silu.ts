/** The name of SUGAR's bounded SiLU among surrogates. */
export const bSilu = "b-silu";
