/** Which of several ranks says how a run goes on whose others are gone. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GroupError, type LostRank, TorchError } from "@pea/torch";
import { isFirstLeft } from "../../src/distributed/ranks.ts";

const lose = (rank: number, state: LostRank["state"]): LostRank => ({
  rank,
  state,
  pid: 40 + rank,
  host: "node7",
});

/** The ranks of four that take themselves for the first. */
const firstAfter = (error: unknown) => [0, 1, 2, 3].filter((rank) => isFirstLeft(rank, error));

describe("the first rank that is left", () => {
  it("is rank 0 where that is there", () => {
    assert.deepEqual(firstAfter(new Error("the disk is full")), [0]);
    assert.deepEqual(firstAfter(new GroupError("allReduce: connection closed")), [0]);
    assert.deepEqual(firstAfter(new GroupError("allReduce: connection closed", [lose(1, "ended")])), [0]);
  });

  it("is the next of those that have neither ended nor are silent", () => {
    assert.deepEqual(firstAfter(new GroupError("allReduce", [lose(0, "ended")])), [1]);
    assert.deepEqual(firstAfter(new GroupError("allReduce", [lose(0, "silent"), lose(1, "ended")])), [2]);
    assert.deepEqual(firstAfter(new GroupError("allReduce", [lose(0, "ended"), lose(2, "ended")])), [1]);
  });

  it("is rank 0 where that has failed by itself, whatever its reason says of others", () => {
    const reason = "rank 0 (process 40 on node7) has ended";
    assert.deepEqual(firstAfter(new GroupError("allReduce", [{ ...lose(0, "failed"), reason }])), [0]);
    assert.deepEqual(firstAfter(new TorchError(reason)), [0]);
  });
});
