import { fashionMnistClasses } from "../data/fashion-mnist.ts";
import { IGNORED, type LabelTable } from "../data/label-table.ts";

/** Byte of pixels at the edge of an object, which are half object and half what lies behind. */
export const EDGE = 0;
/** Byte of the frame around a scene. */
export const FRAME = 1;
export const WALL = 2;
export const FLOOR = 3;
const FIRST_OBJECT = 10;

/** Byte of a class of Fashion-MNIST. */
export const objectId = (label: number): number => FIRST_OBJECT + label;

const objectColors = [
  [220, 20, 60],
  [0, 0, 142],
  [119, 11, 32],
  [220, 220, 0],
  [0, 60, 100],
  [250, 170, 30],
  [244, 35, 232],
  [0, 0, 230],
  [107, 142, 35],
  [0, 200, 170],
] as const;

/** The labels of made scenes: two kinds of background and the ten classes of Fashion-MNIST. */
export const sceneLabels: LabelTable = [
  { id: EDGE, name: "edge", trainId: IGNORED, color: [0, 0, 0] },
  { id: FRAME, name: "frame", trainId: IGNORED, color: [0, 0, 0] },
  { id: WALL, name: "wall", trainId: 0, color: [70, 130, 180] },
  { id: FLOOR, name: "floor", trainId: 1, color: [128, 64, 128] },
  ...fashionMnistClasses.map((name, label) => ({
    id: objectId(label),
    name,
    trainId: 2 + label,
    color: [...(objectColors[label] as readonly [number, number, number])] as [number, number, number],
  })),
];
