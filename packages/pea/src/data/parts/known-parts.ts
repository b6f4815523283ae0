import { createHash } from "node:crypto";
import { type KnownPlace, type Place, places } from "./cut-parts.ts";
import type { DataPart } from "./part.ts";
import { type PartIds, sampleIds } from "./part-ids.ts";

/** The parts that a run began with, which its later commands compare the data with. */
export class KnownParts {
  /** In ascending order, each once. */
  readonly ids: PartIds;

  constructor(ids: PartIds) {
    this.ids = Object.fromEntries(places.map((place) => [place, ascending(ids[place])])) as PartIds;
  }

  has(place: Place, id: bigint): boolean {
    return isAmong(this.ids[place], id);
  }

  /** Where a sample was; undefined for one that is not known, or of which there were others alike elsewhere. */
  placeOf(id: bigint): Place | undefined {
    const [place, another] = places.filter((one) => this.has(one, id));
    return another === undefined ? place : undefined;
  }

  /** Where the samples of a part were. */
  placesOf(part: DataPart): KnownPlace {
    let ids: BigInt64Array | undefined;
    return (index) => {
      ids ??= sampleIds(part);
      return this.placeOf(ids[index] as bigint);
    };
  }

  /** 16 hexadecimal digits for the images and which of them are test images, whatever is split off the others. */
  digest(): string {
    const { test, ...others } = this.ids;
    const hash = createHash("sha256");
    for (const ids of [ascending(joined(Object.values(others))), test])
      hash.update(`${ids.length} `).update(ids);
    return hash.digest("hex").slice(0, 16);
  }
}

/** All ids of some arrays, one after the other. */
export function joined(arrays: readonly BigInt64Array[]): BigInt64Array {
  const all = new BigInt64Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const ids of arrays) {
    all.set(ids, end);
    end += ids.length;
  }
  return all;
}

function ascending(ids: BigInt64Array): BigInt64Array {
  const sorted = ids.toSorted();
  return sorted.filter((id, index) => id !== sorted[index - 1]);
}

/** @param ids in ascending order */
function isAmong(ids: BigInt64Array, id: bigint): boolean {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ids[middle] as bigint) < id) low = middle + 1;
    else high = middle;
  }
  return ids[low] === id;
}
