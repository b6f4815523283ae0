/** Arm's Ethos-U, and how many multiply-accumulates each does in a cycle, the usual number first. */
export const chips = [
  { name: "ethos-u55", title: "the Ethos-U55", macs: [128, 32, 64, 256] },
  { name: "ethos-u65", title: "the Ethos-U65", macs: [256, 512] },
  { name: "ethos-u85", title: "the Ethos-U85", macs: [256, 128, 512, 1024, 2048] },
] as const;

/** A chip, as targets call it. */
export type EthosU = (typeof chips)[number]["name"];
