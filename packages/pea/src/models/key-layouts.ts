/**
 * Keys under which others keep the weights of these networks. Those of torchvision's and timm's ResNets and of ERFNet's
 * authors are the networks' own.
 *
 * @module
 */

/** What of our keys is made of one of theirs, by the parts that a pattern finds; null: nothing, we have no such weights. */
type Rule = readonly [theirs: RegExp, ours: ((...parts: string[]) => string) | null];

/** How others name the weights of a network. */
export interface KeyLayout {
  /** Whose keys they are. */
  readonly name: string;
  /** One for each of their keys, whatever stands before it; the first that fits counts. */
  readonly rules: readonly Rule[];
  /** A part of the network that they do not have. */
  readonly lacks?: string;
  /** What else is to be known of the network that the weights were trained in. */
  readonly remark?: string;
}

/** Blocks in each stage of timm's MobileNet-V1; ours are numbered through, from 1. */
const STAGES = [1, 2, 2, 6, 2];

function blockOf(stage = "", index = ""): number {
  return STAGES.slice(0, Number(stage)).reduce((sum, blocks) => sum + blocks, Number(index) + 1);
}

export const keyLayouts: readonly KeyLayout[] = [
  {
    name: "timm's mobilenetv1",
    rules: [
      [
        /blocks\.(\d)\.(\d)\.conv_(dw|pw)\.weight$/,
        (stage, index, unit) => `features.${blockOf(stage, index)}.${unit}.conv.weight`,
      ],
      [
        /blocks\.(\d)\.(\d)\.bn([12])\.(\w+)$/,
        (stage, index, bn, key) => `features.${blockOf(stage, index)}.${bn === "1" ? "dw" : "pw"}.bn.${key}`,
      ],
      [/conv_stem\.weight$/, () => "features.0.conv.weight"],
      [/bn1\.(\w+)$/, (key) => `features.0.bn.${key}`],
      [/classifier\.(\w+)$/, (key) => `fc.${key}`],
    ],
    remark:
      "timm's network has ReLU6 and batch norm's eps 1e-5; with modelOptions activation=relu6,batchNormEps=0.00001 " +
      "this one computes the same",
  },
  {
    name: "the encoder of ERFNet's classifier",
    rules: [
      [/features\.encoder\.(.+)$/, (key) => `encoder.${key}`],
      [/classifier\.linear\.\w+$/, null],
    ],
    lacks: "decoder",
  },
];

/**
 * Our keys by theirs, if all of theirs are of the layout and lead to some of ours; those of which nothing is made are
 * left out.
 *
 * @param ours the network's own keys
 */
export function translateKeys(
  { rules }: KeyLayout,
  theirs: Iterable<string>,
  ours: { has(key: string): boolean },
): Map<string, string> | null {
  const translated = new Map<string, string>();
  for (const key of theirs) {
    const own = translate(rules, key);
    if (own === undefined || (own !== null && !ours.has(own))) return null;
    if (own !== null) translated.set(key, own);
  }
  return translated;
}

/** undefined: there is no rule for it. */
function translate(rules: readonly Rule[], key: string): string | null | undefined {
  for (const [pattern, ours] of rules) {
    const [match, ...parts] = pattern.exec(key) ?? [];
    if (match !== undefined) return ours === null ? null : ours(...parts);
  }
  return undefined;
}
