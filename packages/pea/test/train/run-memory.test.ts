import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { memoryStats } from "@pea/torch";
import { main } from "../../src/cli/main.ts";
import { exportRun } from "../../src/export/export.ts";
import { disposeRun } from "../../src/run/prepare-run.ts";
import { lockRun } from "../../src/run/run-lock.ts";
import { openTrainedRun } from "../../src/run/trained-run.ts";
import { resumeTraining, type TrainOptions, train } from "../../src/train/train.ts";
import { TrainingInterrupted } from "../../src/train/trainer.ts";
import { temporaryFolder, writeTinyData } from "../support/tiny-data.ts";

const dataDir = writeTinyData();
const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
const tiny = { model: "mobilenet-0.02-small", dataDir, pea: "SM50%", epochs: 2, batchSize: 32, threads: 1 };

/** Tensors that `work` leaves alive; below 0 where older ones were collected meanwhile. */
async function left(work: () => unknown): Promise<number> {
  const { tensors } = memoryStats();
  await work();
  return memoryStats().tensors - tensors;
}

/** A copy of the finished run, with one of its files damaged. */
function damaged(file: string): string {
  const copy = path(`damaged-${file.replaceAll("/", "-")}`);
  cpSync(path("run"), copy, { recursive: true });
  writeFileSync(join(copy, file), "damaged\n");
  return copy;
}

/** Stops a run after its second step. */
function stopEarly(): Pick<TrainOptions, "signal" | "observe"> {
  const stop = new AbortController();
  return { signal: stop.signal, observe: () => ({ onStep: (step) => step === 2 && stop.abort("enough") }) };
}

describe("leaves no tensor behind:", () => {
  before(() => train(tiny, { runDirectory: path("run") }));

  const flags = ["--model", tiny.model, "--data-dir", dataDir, "--batch-size", "32"];
  const works: Record<string, () => unknown> = {
    "a run": () => train(tiny, { runDirectory: path("whole") }),
    "a run that has ended, resumed": () => resumeTraining(path("run")),
    "a run that is stopped, and resumed": async () => {
      await assert.rejects(
        train(tiny, { runDirectory: path("stopped"), ...stopEarly() }),
        TrainingInterrupted,
      );
      await resumeTraining(path("stopped"));
    },
    "a run whose folder is taken": () => assert.rejects(train(tiny, { runDirectory: path("run") })),
    "a run whose folder is in use": async () => {
      const lock = lockRun(path("run"));
      await assert.rejects(train(tiny, { runDirectory: path("run"), overwrite: true }), /is in use/);
      lock.release();
    },
    "a run with a damaged checkpoint": () =>
      assert.rejects(resumeTraining(damaged("checkpoints/last.safetensors"))),
    "a run with damaged metrics": () => assert.rejects(resumeTraining(damaged("metrics.jsonl"))),
    "a run whose observer fails": () =>
      assert.rejects(
        train(tiny, {
          runDirectory: path("unobserved"),
          observe: () => {
            throw new Error("no terminal");
          },
        }),
      ),
    "a batch size beyond the data": () => assert.rejects(train({ ...tiny, batchSize: 1000 }), /batchSize/),
    "an unknown network": () => assert.rejects(train({ ...tiny, model: "mobilnet" }), /unknown model/),
    "more images than there are": () => assert.rejects(train({ ...tiny, limitTrain: 1000 }), /limitTrain/),
    "a plan": async () => assert.equal(await main(["train", ...flags, "--dry-run"]), 0),
    "a model that is opened and disposed of": async () => disposeRun(await openTrainedRun(path("run"))),
    "a model whose weights are damaged": () =>
      assert.rejects(openTrainedRun(damaged("checkpoints/best.safetensors"))),
    "pea eval": async () => assert.equal(await main(["eval", path("run")]), 0),
    "an export": () => exportRun(path("run")),
    "an export that cannot be written": () =>
      assert.rejects(exportRun(path("run"), { out: path("nowhere/network.onnx") })),
  };
  for (const [name, work] of Object.entries(works))
    it(name, async () => {
      assert.ok((await left(work)) <= 0);
    });

  it("data of which one part is damaged", async () => {
    const broken = path("data");
    cpSync(dataDir, broken, { recursive: true });
    const labels = join(broken, "t10k-labels-idx1-ubyte");
    writeFileSync(labels, readFileSync(labels).subarray(1));
    assert.ok((await left(() => assert.rejects(train({ ...tiny, dataDir: broken })))) <= 0);
  });
});
