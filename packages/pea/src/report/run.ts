/** A run as the report shows it. */
export interface ReportRun {
  /** Name of the run directory. */
  name: string;
  /** `ReLU`, a variant code such as `SM75%`, or the name of a smooth activation (upper limit). */
  variant: string;
  seed: number;
  settings: Readonly<Record<string, unknown>>;
  environment: Readonly<Record<string, unknown>>;
  /** The phases in epochs. */
  phases: readonly { name: string; firstEpoch: number; endEpoch: number }[];
  epochs: readonly EpochPoint[];
  /** Score of the deployed network on the test images; null for a run that has not ended. */
  test: { accuracy: number; images: number } | null;
  /** Time of the training steps. */
  seconds: number;
}

/** Values at the end of an epoch (from 1); accuracies in percent, null where nothing was measured. */
export interface EpochPoint {
  epoch: number;
  trainLoss: number | null;
  validationLoss: number | null;
  /** With the activation as it trains. */
  currentAccuracy: number | null;
  /** With ReLU at every site; equal to the current one where the network is a ReLU network already. */
  deployedAccuracy: number | null;
  /** On the test images; left out where they were not scored after this epoch. */
  testAccuracy?: number;
  alpha: number | null;
  learningRate: number | null;
  /** Of the training steps, over the epoch. */
  imagesPerSecond?: number | null;
}
