/**
 * Decision regions and points, on a canvas.
 *
 * @module
 */
import type { Point } from "./data.ts";
import { GRID } from "./protocol.ts";

/** A place that the keyboard moves, in the plane. */
export interface Cursor {
  readonly x: number;
  readonly y: number;
}

/** @param regions what `Standing.regions` holds; null before training */
export function drawRegions(
  canvas: HTMLCanvasElement,
  regions: Uint8Array | null,
  points: readonly Point[],
  cursor: Cursor | null = null,
): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const style = getComputedStyle(document.documentElement);
  const colours = ["--zero", "--one"].map((name) => style.getPropertyValue(name).trim());
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  const cell = width / GRID;
  for (const [i, value] of (regions ?? []).entries()) {
    const share = value / 255;
    context.fillStyle = colours[share > 0.5 ? 1 : 0] as string;
    context.globalAlpha = 0.15 + 0.7 * Math.abs(share - 0.5);
    context.fillRect((i % GRID) * cell, Math.floor(i / GRID) * cell, cell, cell);
  }
  context.globalAlpha = 1;
  const toX = (x: number) => ((x + 1) / 2) * width;
  const toY = (y: number) => ((1 - y) / 2) * height;
  context.strokeStyle = style.getPropertyValue("--paper");
  for (const { x, y, kind } of points) {
    context.beginPath();
    // A shape for each kind, for whoever does not tell the colours apart.
    if (kind === 0) context.arc(toX(x), toY(y), 3, 0, 2 * Math.PI);
    else context.rect(toX(x) - 2.7, toY(y) - 2.7, 5.4, 5.4);
    context.fillStyle = colours[kind] as string;
    context.fill();
    context.stroke();
  }
  if (cursor === null) return;
  context.strokeStyle = style.getPropertyValue("--ink");
  context.strokeRect(toX(cursor.x) - 6, toY(cursor.y) - 6, 12, 12);
}
