/** `npm run demo`: `--full` trains 10 epochs with three seeds instead of one short run of each. */
import { parseArgs } from "node:util";
import { PeaError } from "@pea/core";
import { exitCodeOf, type StopSignal, stopSignals } from "../common/stop-signals.ts";
import { outliveReaders } from "../terminal/output.ts";
import { createProgress, type Progress } from "../terminal/progress.ts";
import { TrainingInterrupted } from "../train/trainer.ts";
import { type DemoScale, fullScale, quickScale, runDemo } from "./demo.ts";
import { formatSummary } from "./table.ts";

const directory = "runs/demo";

async function main(): Promise<number> {
  const scale = readScale();
  console.log(introduction(scale));
  const stop = stopSignals((name) => console.error(`\n${name}: finishing this step; once more ends at once`));
  let progress: Progress | undefined;
  try {
    const summary = await runDemo({
      scale,
      directory,
      signal: stop.signal,
      log(line) {
        progress?.stop();
        progress = undefined;
        console.log(line);
      },
      observe(plan, firstStep) {
        progress = createProgress(plan, process.stderr, firstStep);
        return progress;
      },
    });
    console.log(`\n${formatSummary(summary)}\n\n${summary.verdict}`);
    console.log(`Curves: ${summary.report}; the table: ${directory}/summary.json`);
    return 0;
  } catch (error) {
    progress?.stop();
    if (!(error instanceof TrainingInterrupted)) throw error;
    console.error(`${error.message}; the same command goes on from there`);
    return exitCodeOf(error.reason as StopSignal);
  } finally {
    stop.dispose();
  }
}

function readScale(): DemoScale {
  try {
    const { values } = parseArgs({ options: { full: { type: "boolean", default: false } } });
    return values.full ? fullScale : quickScale;
  } catch (error) {
    throw new PeaError(`${(error as Error).message}; the demo knows --full alone`, { kind: "usage" });
  }
}

function introduction({ seeds, recipe }: DemoScale): string {
  const { epochs: fullEpochs } = fullScale.recipe;
  const extent =
    recipe.epochs < fullEpochs
      ? `${recipe.epochs} epochs and one seed, to take at most six minutes on two cores; --full trains ${fullEpochs} epochs with three seeds`
      : `${recipe.epochs} epochs, seeds ${seeds.join(", ")}`;
  return `MobileNet-0.25 (small) on Fashion-MNIST: ReLU against SM75%, the same settings for both.\n${extent}.`;
}

outliveReaders("demo");
try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof PeaError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exitCode = error.kind === "usage" ? 2 : 1;
}
