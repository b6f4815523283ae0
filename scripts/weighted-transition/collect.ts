/**
 * Gathers the runs of recipes/studies/weighted-transition.yaml into small tables beside the study's results:
 *
 * - course.csv: one row for each run and line of diagnostics, averaged over sites;
 * - sites.csv: the same by site, of the network as it trains;
 * - outcomes.csv: test accuracy of the last model, with running and with re-estimated statistics of batch norm.
 *
 * `node --conditions=pea-source --import tsx scripts/weighted-transition/collect.ts RESULTS RUNS`
 *
 * @module
 */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { csvLine } from "../../packages/pea/src/common/csv.ts";
import { readResults } from "../../packages/pea/src/compare/results.ts";
import { readDiagnostics, type ViewDiagnostics } from "../../packages/pea/src/diagnose/index.ts";
import { reestimateStatistics } from "../../packages/pea/src/run/batch-norm-statistics.ts";
import { evaluationLoader, trainingLoader } from "../../packages/pea/src/run/loaders.ts";
import { disposeRun } from "../../packages/pea/src/run/prepare-run.ts";
import { openTrainedRun } from "../../packages/pea/src/run/trained-run.ts";
import { evaluate } from "../../packages/pea/src/tasks/evaluate.ts";

/** Training batches that statistics are re-estimated from. */
const BATCHES = 20;

const [results, runs] = process.argv.slice(2);
if (results === undefined || runs === undefined)
  throw new Error("give the folder of the study's results and that of its runs");

type Row = Record<string, string | number | undefined>;
const course: Row[] = [];
const sites: Row[] = [];
const outcomes: Row[] = [];

for (const { variant, seed, hash } of readResults(results)) {
  const name = readdirSync(runs).find((name) => name.endsWith(`-${hash}`));
  if (name === undefined) throw new Error(`${runs} has no run of ${variant}, seed ${seed}: -${hash}`);
  const path = join(runs, name);
  const run = { variant, seed };
  outcomes.push({ ...run, ...(await scoreTwice(path)) });
  for (const { step, alpha, phase, gradients, views } of readDiagnostics(join(path, "diagnostics.jsonl"))) {
    const moment = { ...run, step, alpha: alpha ?? 1, phase };
    course.push({
      ...moment,
      gradientNorm: gradients.global,
      ...prefixed("current", summary(views.current)),
      ...prefixed("deployed", summary(views.deployed ?? views.current)),
    });
    for (const [index, { path: site, ...statistics }] of views.current.sites.entries()) {
      const { mean, variance } = views.current.norms[index] as ViewDiagnostics["norms"][number];
      const unit = site.slice(0, site.lastIndexOf("."));
      const gradientNorm = gradients.modules[`${unit}.conv`];
      sites.push({
        ...moment,
        site,
        ...statistics,
        meanMismatch: mean,
        varianceMismatch: variance,
        gradientNorm,
      });
    }
  }
}

for (const [name, rows] of Object.entries({ course, sites, outcomes })) {
  const columns = Object.keys(rows[0] ?? {});
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ""))];
  writeFileSync(join(results, `${name}.csv`), lines.map((line) => `${csvLine(line)}\n`).join(""));
}

/** The last model's accuracy on the test part in percent: as it is, and with statistics computed anew. */
async function scoreTwice(path: string): Promise<Row> {
  const trained = await openTrainedRun(path, { checkpoint: "last" });
  try {
    const { model, methods, data, recipe, plan } = trained;
    methods.deploy();
    const test = evaluationLoader(data.test, data, "cpu");
    const score = async () => (await evaluate(model, test, { task: data.task, device: "cpu" })).top1;
    const running = await score();
    const training = trainingLoader(data, recipe);
    await reestimateStatistics(model, training, { epoch: plan.epochs - 1, batches: BATCHES });
    return { running, reestimated: await score() };
  } finally {
    disposeRun(trained);
  }
}

function summary({ running, batch, sites, norms }: ViewDiagnostics): Row {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const rootMeanSquare = (values: number[]) => Math.sqrt(mean(values.map((value) => value ** 2)));
  const digits = (value: number) => Number(value.toPrecision(5));
  return {
    RunningLoss: digits(running.loss),
    RunningTop1: running.top1,
    BatchLoss: digits(batch.loss),
    BatchTop1: batch.top1,
    Std: digits(mean(sites.map((site) => site.std))),
    Negative: digits(mean(sites.map((site) => site.negative))),
    Kurtosis: digits(mean(sites.map((site) => site.kurtosis))),
    Dead: digits(mean(sites.map((site) => site.dead))),
    MeanMismatch: digits(rootMeanSquare(norms.map((norm) => norm.mean))),
    VarianceMismatch: digits(rootMeanSquare(norms.map((norm) => norm.variance))),
  };
}

function prefixed(prefix: string, row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [prefix + name, value]));
}
