/**
 * The figures of the paper, Tables 1 to 6 and the text of section 4: ImageNet top-1 accuracy and Cityscapes mIoU in per
 * cent. Each is the mean of five runs; the paper gives no spread. Keys of PEA runs are variant codes (`parseVariant`).
 */
import type { SmoothName } from "./activations/index.ts";

/** The compact networks of the ImageNet experiments. */
export type PaperNetwork = "alexnet-bn" | "resnet18" | "erfnet" | "mobilenet-0.25";

/** Variant codes of the ImageNet experiments: 120 epochs, of which 5 initial, and a transition to epoch 115 or 90. */
export type PaperVariant<Letter extends "S" | "W" = "S" | "W"> = `${Letter}${"G" | "S" | "M"}${115 | 90}`;

/** A network with the smooth activation all along, the best one of those tried. */
export interface UpperLimit {
  readonly activation: SmoothName;
  readonly top1: number;
}

type Row<Letter extends "S" | "W"> = Readonly<Record<PaperVariant<Letter>, number>>;

/** Table 1: ReLU baselines, as the paper reproduced them and as published elsewhere (null where nowhere). */
export const baselines: Readonly<
  Record<PaperNetwork, { readonly relu: number; readonly published: number | null }>
> = {
  "alexnet-bn": { relu: 60.74, published: 60.1 },
  resnet18: { relu: 70.31, published: 69.57 },
  erfnet: { relu: 66.35, published: null },
  "mobilenet-0.25": { relu: 51.17, published: null },
};

/** Table 2: the stochastic ensemble. */
export const stochastic: Readonly<Record<PaperNetwork, Row<"S">>> = {
  "alexnet-bn": { SG115: 61.19, SG90: 61.29, SS115: 61.21, SS90: 61.02, SM115: 61.14, SM90: 61.15 },
  resnet18: { SG115: 70.51, SG90: 70.48, SS115: 70.4, SS90: 70.49, SM115: 70.41, SM90: 70.38 },
  erfnet: { SG115: 66.61, SG90: 66.7, SS115: 66.65, SS90: 66.7, SM115: 66.62, SM90: 66.6 },
  "mobilenet-0.25": { SG115: 51.62, SG90: 51.71, SS115: 51.46, SS90: 51.55, SM115: 51.73, SM90: 51.77 },
};

/** Table 3: the weighted ensemble. MobileNet-0.25 is not in it, see `mobilenet`. */
export const weighted: Readonly<Record<Exclude<PaperNetwork, "mobilenet-0.25">, Row<"W">>> = {
  "alexnet-bn": { WG115: 61.54, WG90: 61.57, WS115: 61.49, WS90: 61.3, WM115: 61.35, WM90: 61.48 },
  resnet18: { WG115: 70.45, WG90: 70.51, WS115: 70.25, WS90: 70.38, WM115: 70.17, WM90: 70.35 },
  erfnet: { WG115: 66.54, WG90: 66.59, WS115: 66.55, WS90: 66.69, WM115: 66.37, WM90: 66.59 },
};

/** Table 4: the best PEA run of each network beside its upper limit. */
export const best: Readonly<
  Record<
    PaperNetwork,
    { readonly variant: PaperVariant; readonly top1: number; readonly upperLimit: UpperLimit }
  >
> = {
  "alexnet-bn": { variant: "WG90", top1: 61.57, upperLimit: { activation: "gelu", top1: 62.35 } },
  resnet18: { variant: "WG90", top1: 70.51, upperLimit: { activation: "swish", top1: 70.89 } },
  erfnet: { variant: "SG90", top1: 66.7, upperLimit: { activation: "mish", top1: 67.1 } },
  "mobilenet-0.25": { variant: "SM90", top1: 51.77, upperLimit: { activation: "swish", top1: 53.4 } },
};

/**
 * Section 4.1, MobileNet-0.25: the original with ReLU6, and the weighted ensemble with ELU, whose transition end is not
 * told. Weighted GELU, Swish and Mish lost accuracy suddenly near the end of the transition; no figures are given.
 */
export const mobilenet = { relu6: 50.4, relu6Published: 50.6, weightedElu: 51.29 } as const;

/** Table 5 and section 4.1.1: ResNet-50's baseline, its gains in percentage points and its best run. */
export const resnet50: {
  readonly relu: number;
  readonly published: number;
  readonly gains: Readonly<Record<PaperVariant, number>>;
  readonly best: { readonly variant: PaperVariant; readonly top1: number };
} = {
  relu: 76.81,
  published: 75.99,
  gains: {
    WG115: 0.08,
    WG90: 0.18,
    WS115: 0.13,
    WS90: 0.21,
    WM115: -0.05,
    WM90: 0.12,
    SG115: 0.15,
    SG90: 0.21,
    SS115: 0.23,
    SS90: 0.22,
    SM115: 0.13,
    SM90: 0.2,
  },
  best: { variant: "SS115", top1: 77.04 },
};

/**
 * Table 6 and section 4.2: mIoU of ERFNet on Cityscapes at 512×256, 500 epochs, with a transition to epoch 450 or 350.
 * Swish, below the baseline when used all along, was not tried with PEA.
 */
export const cityscapes = {
  relu: 58.26,
  reluPublished: 58.37,
  best: { variant: "WM450", miou: 58.6 },
  smooth: { gelu: 58.62, mish: 58.84, swish: 57.88 },
} as const;
