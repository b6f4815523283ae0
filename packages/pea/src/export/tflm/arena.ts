/**
 * Memory that LiteRT for Microcontrollers takes for a network, planned as it plans: an estimate, since what it keeps for each
 * operator differs between its kernels and processors.
 *
 * @module
 */
import { elementsOf } from "@pea/graph";
import type { TfliteModel, TfliteOperator } from "../tflite/model.ts";
import type { ElementType } from "../tflite/schema.ts";

/** Memory of tensors begins at multiples of it. */
const alignment = 16;

/** What is kept beside the tensors' elements, in bytes on a machine of 64 bits; those of 32 bits take less. */
const kept = { tensor: 24, operator: 64, operatorData: 160, channel: 8, all: 1024 } as const;

/** What is taken for a while before elements have their place: to prepare an operator, and to plan. */
const preparing = { tensor: 112 } as const;
const planning = { tensor: 32, buffer: 40 } as const;

const elementBytes: Readonly<Record<ElementType, number>> = {
  float32: 4,
  int8: 1,
  uint8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
};

/** Bytes of the arena, rounded up to whole KiB. */
export function arenaBytes(model: TfliteModel): number {
  const buffers = buffersOf(model);
  // What prepares operators and plans lies where elements will.
  const bytes = Math.max(plannedBytes(buffers), preparingBytes(model), planningBytes(model, buffers));
  return Math.ceil((bytes + keptBytes(model)) / 1024) * 1024;
}

/** Of the operator that takes most: its tensors, with a zero point for each channel of weight and bias. */
function preparingBytes({ tensors, operators }: TfliteModel): number {
  const zeroPoints = (place: number) => 4 * (tensors[place]?.quantization?.zeroPoints.length ?? 0);
  const taken = operators.map(({ inputs, outputs }) =>
    [...inputs, ...outputs].reduce((sum, place) => sum + preparing.tensor + zeroPoints(place), 0),
  );
  return Math.max(0, ...taken);
}

function planningBytes({ tensors }: TfliteModel, buffers: readonly Buffer[]): number {
  return tensors.length * planning.tensor + buffers.length * planning.buffer;
}

/** Memory that is needed from one operator to another, both included. */
interface Buffer {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Tensors that are computed or come from outside, and sums that transposed convolutions gather. */
function buffersOf({ tensors, operators, inputs, outputs }: TfliteModel): Buffer[] {
  const bytesOf = (place: number) => {
    const { shape = [], type = "int8" } = tensors[place] ?? {};
    return elementsOf(shape) * elementBytes[type];
  };
  const places = [...inputs, ...operators.flatMap((operator) => operator.outputs)];
  const held = places.map((place): Buffer => {
    const made = operators.findIndex((operator) => operator.outputs.includes(place));
    const read = operators.findLastIndex((operator) => operator.inputs.includes(place));
    const last = outputs.includes(place) ? operators.length - 1 : Math.max(read, made);
    return { bytes: bytesOf(place), first: Math.max(0, made), last };
  });
  const sums = operators.flatMap(({ builtin, outputs: [output = 0] }, step): Buffer[] => {
    if (builtin !== "TRANSPOSE_CONV") return [];
    const { shape = [], type } = tensors[output] ?? {};
    return [{ bytes: elementsOf(shape) * (type === "int16" ? 8 : 4), first: step, last: step }];
  });
  return [...held, ...sums];
}

/** The largest buffers first, each at the lowest place where none lies that is needed at the same time. */
function plannedBytes(buffers: readonly Buffer[]): number {
  const placed: (Buffer & { readonly start: number; readonly end: number })[] = [];
  for (const buffer of buffers.toSorted((a, b) => b.bytes - a.bytes)) {
    const size = Math.ceil(buffer.bytes / alignment) * alignment;
    const others = placed
      .filter(({ first, last }) => first <= buffer.last && last >= buffer.first)
      .sort((a, b) => a.start - b.start);
    let start = 0;
    for (const other of others) {
      if (start + size <= other.start) break;
      start = Math.max(start, other.end);
    }
    placed.push({ ...buffer, start, end: start + size });
  }
  return Math.max(0, ...placed.map(({ end }) => end));
}

function keptBytes({ tensors, operators }: TfliteModel): number {
  const channels = (operator: TfliteOperator) =>
    operator.inputs.reduce((sum, place) => {
      const { scales } = tensors[place]?.quantization ?? {};
      const isWeight = tensors[place]?.data !== undefined && tensors[place]?.type === "int8";
      return sum + (isWeight ? Math.max(scales?.length ?? 0, outputsOf(operator, tensors)) : 0);
    }, 0);
  return (
    kept.all +
    tensors.length * kept.tensor +
    operators.reduce(
      (sum, each) => sum + kept.operator + kept.operatorData + kept.channel * channels(each),
      0,
    )
  );
}

const outputsOf = ({ outputs: [output = 0] }: TfliteOperator, tensors: TfliteModel["tensors"]): number =>
  tensors[output]?.shape.at(-1) ?? 0;
