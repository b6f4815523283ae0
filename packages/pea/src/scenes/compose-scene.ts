/**
 * One made scene: pieces of Fashion-MNIST before a textured wall and on a textured floor, some hiding others.
 *
 * @module
 */
import type { Size } from "../images/transforms/crop.ts";
import type { Draws } from "./draws.ts";
import { EDGE, FLOOR, FRAME, objectId, WALL } from "./scene-labels.ts";

/** Images that scenes are made of. */
export interface ScenePieces {
  /** Grey, `side` × `side` bytes each, 0 where there is nothing. */
  readonly images: Uint8Array;
  readonly side: number;
  /** From 0 to 9. */
  readonly labels: Uint8Array;
}

export interface Scene extends Size {
  /** RGB. */
  readonly pixels: Uint8Array;
  /** One byte per pixel, see `sceneLabels`. */
  readonly labels: Uint8Array;
}

type Color = readonly [number, number, number];

/** Pixels of the frame on each side. */
const FRAME_WIDTH = 2;
/** A piece's pixels darker than this are its edge. */
const SOLID = 48;

/** Composes a scene: a function of the draws alone. */
export function composeScene(pieces: ScenePieces, size: Size, draws: Draws): Scene {
  const { width, height } = size;
  const scene = {
    ...size,
    pixels: new Uint8Array(3 * width * height),
    labels: new Uint8Array(width * height),
  };
  const horizon = Math.round(height * draws.between(0.3, 0.7));
  paint(scene, WALL, 0, horizon, draws);
  paint(scene, FLOOR, horizon, height, draws);
  const count = 5 + draws.below(4);
  for (let i = 0; i < count; i++) place(scene, pieces, draws);
  addNoise(scene, draws);
  frame(scene);
  return scene;
}

/** Backgrounds are muted, pieces of any colour: that things stand out is learned early, what they are later. */
function drawMuted(draws: Draws): Color {
  const grey = draws.between(70, 185);
  return [grey + draws.between(-20, 20), grey + draws.between(-20, 20), grey + draws.between(-20, 20)];
}

const drawColor = (draws: Draws): Color => [
  draws.between(20, 255),
  draws.between(20, 255),
  draws.between(20, 255),
];

/** Rows from `top` to `bottom`: blotches of two colours, with upright stripes on a wall and level ones on a floor. */
function paint(
  { width, pixels, labels }: Scene,
  label: number,
  top: number,
  bottom: number,
  draws: Draws,
): void {
  const [first, second] = [drawMuted(draws), drawMuted(draws)];
  const blotches = lattice(draws, 12, 6);
  const period = draws.between(3, 9);
  const strength = draws.between(0.1, 0.4);
  for (let y = top; y < bottom; y++)
    for (let x = 0; x < width; x++) {
      const along = label === WALL ? x : y;
      const stripe = strength * Math.sin((2 * Math.PI * along) / period);
      const share = Math.min(1, Math.max(0, blotches(x / width, y / pixelsHigh(labels, width)) + stripe));
      blend(pixels, y * width + x, first, 1);
      blend(pixels, y * width + x, second, share);
      labels[y * width + x] = label;
    }
}

const pixelsHigh = (labels: Uint8Array, width: number): number => labels.length / width;

/** Values at the points of a grid over the unit square, and between them bilinear. */
function lattice(draws: Draws, columns: number, rows: number): (x: number, y: number) => number {
  const values = Array.from({ length: (columns + 1) * (rows + 1) }, () => draws.between(0, 1));
  const at = (column: number, row: number) => values[row * (columns + 1) + column] as number;
  return (x, y) => {
    const [column, row] = [Math.floor(x * columns), Math.floor(y * rows)];
    const [right, down] = [x * columns - column, y * rows - row];
    const upper = at(column, row) * (1 - right) + at(column + 1, row) * right;
    const lower = at(column, row + 1) * (1 - right) + at(column + 1, row + 1) * right;
    return upper * (1 - down) + lower * down;
  };
}

/** Puts a piece anywhere, in a colour and size of its own, maybe mirrored; it hides what was there before. */
function place({ width, height, pixels, labels }: Scene, pieces: ScenePieces, draws: Draws): void {
  const { images, side } = pieces;
  const piece = draws.below(pieces.labels.length);
  const extent = Math.round((height / 64) * draws.between(24, 44));
  const left = Math.round(draws.between(-0.3 * extent, width - 0.7 * extent));
  const top = Math.round(draws.between(-0.3 * extent, height - 0.7 * extent));
  const isMirrored = draws.below(2) === 1;
  const color = drawColor(draws);
  for (let y = Math.max(0, top); y < Math.min(height, top + extent); y++)
    for (let x = Math.max(0, left); x < Math.min(width, left + extent); x++) {
      const row = Math.floor(((y - top + 0.5) * side) / extent);
      const column = Math.floor(((x - left + 0.5) * side) / extent);
      const shown = isMirrored ? side - 1 - column : column;
      const value = images[(piece * side + row) * side + shown] as number;
      if (value === 0) continue;
      const isSolid = value >= SOLID;
      const lit = color.map((channel) => channel * (0.35 + (0.65 * value) / 255)) as unknown as Color;
      blend(pixels, y * width + x, lit, isSolid ? 1 : 0.5);
      labels[y * width + x] = isSolid ? objectId(pieces.labels[piece] as number) : EDGE;
    }
}

function addNoise({ pixels }: Scene, draws: Draws): void {
  const strength = draws.between(4, 20);
  for (let i = 0; i < pixels.length; i++) {
    const value = (pixels[i] as number) + draws.between(-strength, strength);
    pixels[i] = Math.min(255, Math.max(0, Math.round(value)));
  }
}

function frame({ width, height, pixels, labels }: Scene): void {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const distance = Math.min(x, y, width - 1 - x, height - 1 - y);
      if (distance >= FRAME_WIDTH) continue;
      blend(pixels, y * width + x, [0, 0, 0], 1);
      labels[y * width + x] = FRAME;
    }
}

function blend(pixels: Uint8Array, at: number, color: Color, share: number): void {
  for (let channel = 0; channel < 3; channel++) {
    const below = pixels[3 * at + channel] as number;
    pixels[3 * at + channel] = Math.round(below + share * ((color[channel] as number) - below));
  }
}
