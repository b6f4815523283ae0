import { IGNORED, type LabelTable } from "../images/label-table.ts";

/** Byte of pixels at the edge of an object, which are half object and half what lies behind. */
export const EDGE = 0;
/** Byte of the frame around a scene. */
export const FRAME = 1;
export const WALL = 2;
export const FLOOR = 3;

/** Bytes of the kinds of things that the classes of Fashion-MNIST are put together to. */
const TOP = 10;
const TROUSER = 11;
const DRESS = 12;
const SHOE = 13;
const BAG = 14;

/** T-shirt/top, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot. */
const objectIds = [TOP, TROUSER, TOP, DRESS, TOP, SHOE, TOP, SHOE, BAG, SHOE] as const;

/** Byte of a class of Fashion-MNIST. */
export const objectId = (label: number): number => objectIds[label] as number;

/** The labels of made scenes: two kinds of background and five of things. */
export const sceneLabels: LabelTable = [
  { id: EDGE, name: "edge", trainId: IGNORED, color: [0, 0, 0] },
  { id: FRAME, name: "frame", trainId: IGNORED, color: [0, 0, 0] },
  { id: WALL, name: "wall", trainId: 0, color: [70, 130, 180] },
  { id: FLOOR, name: "floor", trainId: 1, color: [128, 64, 128] },
  { id: TOP, name: "top", trainId: 2, color: [220, 20, 60] },
  { id: TROUSER, name: "trouser", trainId: 3, color: [0, 0, 142] },
  { id: DRESS, name: "dress", trainId: 4, color: [220, 220, 0] },
  { id: SHOE, name: "shoe", trainId: 5, color: [107, 142, 35] },
  { id: BAG, name: "bag", trainId: 6, color: [250, 170, 30] },
];
