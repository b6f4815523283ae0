import { train } from "../../src/train/train.ts";
import { writeTinyData } from "./tiny-data.ts";

/**
 * Trains a small MobileNet with ReLU until it tells the classes of the tiny data apart: forms that lose something show it in
 * its scores.
 *
 * @param run folder of the run
 */
export async function trainMobilenet(run: string, model = "mobilenet-0.1-small"): Promise<void> {
  const recipe = { model, epochs: 6, batchSize: 32, lr: 0.1, threads: 1, pea: "none" } as const;
  await train({ ...recipe, dataDir: writeTinyData({ train: 1000, test: 400 }) }, { runDirectory: run });
}
