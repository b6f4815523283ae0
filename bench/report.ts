/**
 * Tables in Markdown.
 *
 * @module
 */
import type { Suite } from "./cases.ts";
import type { ContenderName } from "./contenders.ts";
import type { Outcome, Verdict } from "./goals.ts";
import { predictedWaiting } from "./predicted.ts";
import { windowOf } from "./protocol.ts";
import {
  importedSteps,
  isSameSubject,
  type LoaderMeasurement,
  loadings,
  type Measurement,
  methodSteps,
  millisecondsPerImage,
  type NetworkMeasurement,
  networkMeasurements,
  type Results,
  ratio,
  sharedSteps,
  subjectOf,
  valuesOf,
  waitingShares,
} from "./results.ts";
import { median, quantile } from "./statistics.ts";
import type { Choice } from "./tuning.ts";

const TITLES: Readonly<Record<ContenderName, string>> = {
  pea: "pea",
  torch1: "PyTorch 1.13",
  "pea-libtorch2": "pea, libtorch 2",
  torch2: "PyTorch 2",
  "torch2-compiled": "PyTorch 2, compiled",
};

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  met: "✓",
  undecided: "undecided: within the noise",
  missed: "missed",
};

/** The goals with what was reached. */
export function goalsTable(verdicts: readonly Verdict[]): string {
  return table(
    ["goal", "bound", "reached", "95 % interval", "", "where (the worst)"],
    verdicts
      .filter(({ bound, worst }) => bound !== "" || worst !== null)
      .map(({ what, bound, worst, outcome }) => [
        what,
        bound,
        ...(worst === null
          ? ["not measured", "", "", ""]
          : [
              format(worst.value),
              worst.interval.map(format).join("–"),
              outcome === null ? "for information" : OUTCOMES[outcome],
              worst.where,
            ]),
      ]),
  );
}

/** Everything, for docs/performance.md. */
export function report(results: Results, verdicts: readonly Verdict[]): string {
  const { versions, groups, ended, measurements, failures } = results;
  const contenders = (Object.keys(TITLES) as ContenderName[]).filter((name) => versions[name] !== undefined);
  const networkTable = (suite: Suite) =>
    byContender(networkMeasurements(measurements, suite), contenders, networkName, ({ rounds }) =>
      spread(rounds),
    );
  return [
    circumstances(results, contenders),
    ...(ended.length + failures.length < groups.length
      ? [`**${ended.length} of ${groups.length} groups are measured**; \`--resume\` goes on.`]
      : []),
    ...failures.map(({ group, error }) => `**${group} failed** and is missing below: ${error}`),
    ...section(
      "Goals",
      "The worst value found for each, as a ratio unless a unit is named. A goal is missed where the whole interval of a " +
        "value is beyond the bound, and met where every value's whole interval is within it.",
      goalsTable(verdicts),
    ),
    ...section(
      "Training steps",
      "Milliseconds: median (10th–90th percentile of the rounds). ÷ ReLU: the contender's own ReLU step in the same " +
        "precision. ÷ PyTorch's ReLU: the fp32 ReLU step of PyTorch on the same generation of libtorch.",
      stepTables(measurements, contenders),
    ),
    ...section(
      "Operators",
      "A tensor of 51 MB (float32, channels_last; 26 MB in bf16), forward / backward in milliseconds; copying it is the " +
        "measure, memcpy is the C library's on all threads.",
      operatorTable(measurements, contenders),
    ),
    ...section(
      "Convolutions",
      "A convolution by itself in float32, channels_last, forward / backward in milliseconds: an operator of our own, and oneDNN's.",
      convolutionTable(measurements, contenders),
    ),
    ...section("Overhead of an operator", "Adding two tensors of 16 elements.", overheadTable(measurements)),
    ...section(
      "Peak memory",
      "Resident memory of the whole process during training steps, MiB; PyTorch with tcmalloc, whatever is fastest.",
      networkTable("memory"),
    ),
    ...section("Inference", "Forward pass in evaluation mode, milliseconds.", networkTable("inference")),
    ...section(
      "Imported networks",
      "Training steps of a network written in TypeScript, and of the same one made of its graph; milliseconds.",
      importedTable(measurements),
    ),
    ...section(
      "Training methods",
      "A training step with each method at its usual settings, milliseconds; ÷: the step with ReLU alone. SWA takes weights in " +
        "every step here, Lookahead brings its own together in every fifth, which a median does not show; distillation's teacher is " +
        "the same network.",
      methodTable(measurements),
    ),
    ...section(
      "Two processes",
      "Training step on the same batch, of one process of two threads and of two of one thread each, milliseconds. Waiting: the " +
        "share of the step in which a rank waits for the other, for the sum of the gradients and for all else. By the formula: " +
        "what `stepCost` gives for the sum, from the times of the passes and of summing the same numbers alone.",
      distributedTable(measurements),
    ),
    ...section("Batch size and threads", "Training step, milliseconds.", networkTable("scaling")),
    ...section(
      "Loading images",
      "JPEGs of 500×375 pixels from files: decoded, cut at random, scaled, mirrored, standardized; images per second. " +
        "Training: MobileNet-0.25 with ReLU on one batch that stays in memory. Waiting: the share of the time of both " +
        "together in which no training step runs.",
      loadingTable(measurements),
    ),
  ].join("\n\n");
}

/** The first line: where, with what and in whose company it was measured. */
function circumstances(
  { machine, versions, code, settings, load, measurements }: Results,
  contenders: readonly ContenderName[],
): string {
  const timed = measurements.filter(({ unit }) => unit === "ms").map((item) => item.rounds.length);
  const rounds = timed.length === 0 ? 0 : [...new Set([Math.min(...timed), Math.max(...timed)])].join(" to ");
  const choices = Object.entries(settings) as [ContenderName, Choice][];
  return [
    `${machine.cpu}, ${machine.cores} cores (${machine.instructions.join(", ")}), ${machine.memoryGiB} GiB memory; ` +
      `Node.js ${machine.node}; ${contenders.map((name) => `${TITLES[name]}: ${versions[name]?.version}`).join("; ")}; ` +
      `commit ${code.commit?.slice(0, 7) ?? "unknown"}${code.isDirty ? " with changes" : ""}.`,
    ...choices.map(([name, { title }]) => `${TITLES[name]} was fastest with ${title}.`),
    `${rounds} rounds; before a group others kept at most ${Math.max(0, ...Object.values(load))} processors busy.`,
  ].join(" ");
}

/** Nothing where nothing was measured. */
function section(title: string, text: string, tables: string): string[] {
  return tables === "" ? [] : [`### ${title}`, text, tables];
}

function stepTables(measurements: readonly Measurement[], contenders: readonly ContenderName[]): string {
  const steps = networkMeasurements(measurements, "step");
  return [...new Set(steps.map(subjectOf))]
    .map((subject) => {
      const rows = contenders
        .flatMap((contender) =>
          steps.filter((step) => step.contender === contender && subjectOf(step) === subject),
        )
        .map((step) => stepRow(step, steps));
      const header = [
        subject,
        "activation",
        "precision",
        "step",
        "forward",
        "backward",
        "optimizer",
        "÷ ReLU",
        "÷ PyTorch's ReLU",
        "page faults",
      ];
      return table(header, rows);
    })
    .join("\n\n");
}

function stepRow(step: NetworkMeasurement, all: readonly NetworkMeasurement[]): string[] {
  const { contender, workload } = step;
  const peer: ContenderName = contender === "pea" || contender === "torch1" ? "torch1" : "torch2";
  const relu = (name: ContenderName, precision: string) =>
    all.find(
      (other) =>
        isSameSubject(other, step) &&
        other.contender === name &&
        other.workload.activation === "relu" &&
        other.workload.precision === precision,
    );
  const against = (other?: NetworkMeasurement) =>
    other === undefined || other === step ? "" : format(ratio(step, other));
  return [
    TITLES[contender],
    workload.activation,
    workload.precision,
    spread(step.rounds),
    ...["forward", "backward", "optimizer"].map((part) => format(median(valuesOf(step, part)))),
    against(relu(contender, workload.precision)),
    against(relu(peer, "fp32")),
    format(median(step.minorFaults)),
  ];
}

function operatorTable(measurements: readonly Measurement[], contenders: readonly ContenderName[]): string {
  const found = measurements.filter(({ suite }) => suite === "operator");
  return byContender(found, contenders, operatorName, (item) =>
    "activation" in item.workload ? forwardAndBackward(item) : format(median(item.rounds)),
  );
}

function operatorName({ workload }: Measurement): string {
  switch (workload.kind) {
    case "activation":
      return workload.precision === "fp32" ? workload.activation : `bf16 ${workload.activation}`;
    case "batch-norm":
      return `batch norm, ${workload.activation}`;
    default:
      return workload.kind;
  }
}

function convolutionTable(
  measurements: readonly Measurement[],
  contenders: readonly ContenderName[],
): string {
  const found = measurements.filter(({ suite }) => suite === "convolution");
  return byContender(found, contenders, convolutionName, forwardAndBackward);
}

/** As `depthwise 3×3 of stride 2, 16×16×112×112`. */
function convolutionName({ workload }: Measurement): string {
  if (workload.kind !== "convolution") return workload.kind;
  const { shape, outputs, stride, dilation = 1, groups } = workload;
  const kind = `${groups > 1 ? "depthwise " : ""}${windowOf(workload).join("×")}`;
  const spacing = `${stride > 1 ? ` of stride ${stride}` : ""}${dilation > 1 ? ` of dilation ${dilation}` : ""}`;
  return `${kind}${spacing}, ${shape.join("×")}${groups > 1 ? "" : ` to ${outputs}`}`;
}

const forwardAndBackward = (item: Measurement): string =>
  ["forward", "backward"].map((part) => format(median(valuesOf(item, part)))).join(" / ");

function overheadTable(measurements: readonly Measurement[]): string {
  const rows = measurements.flatMap(({ contender, workload, rounds }) =>
    workload.kind === "overhead"
      ? [[TITLES[contender], spread(rounds.map((time) => (time * 1000) / workload.calls))]]
      : [],
  );
  return table(["", "microseconds"], rows);
}

function importedTable(measurements: readonly Measurement[]): string {
  const rows = importedSteps(measurements).map(({ imported, written }) => [
    `${subjectOf(imported)}, ${imported.workload.activation}`,
    spread(written.rounds),
    spread(imported.rounds),
    format(ratio(imported, written)),
  ]);
  return table(["", "written", "imported", "÷"], rows);
}

function methodTable(measurements: readonly Measurement[]): string {
  const rows = methodSteps(measurements).map(({ method, subject, own, plain }) => [
    `${subject}, ${method}`,
    spread(plain.rounds),
    spread(own.rounds),
    format(ratio(own, plain)),
  ]);
  return table(["", "ReLU alone", "with it", "÷"], rows);
}

function distributedTable(measurements: readonly Measurement[]): string {
  const rows = sharedSteps(measurements).map(({ shared, alone }) => {
    const { activation, sockets } = shared.workload;
    const isOwn = shared.parts.waiting !== undefined;
    const expected = sockets ? predictedWaiting(shared, measurements) : null;
    return [
      `${subjectOf(shared)}, ${activation}${sockets ? ", over sockets" : ""}`,
      TITLES[shared.contender],
      alone ? spread(alone.rounds) : "",
      spread(shared.rounds),
      alone ? format(ratio(shared, alone)) : "",
      isOwn ? percent(median(waitingShares(shared))) : "",
      expected === null ? "" : percent(expected),
    ];
  });
  return table(["", "", "one process", "two", "÷", "waiting", "by the formula"], rows);
}

function loadingTable(measurements: readonly Measurement[]): string {
  const perSecond = (item: NetworkMeasurement | LoaderMeasurement) =>
    spread(millisecondsPerImage(item).map((time) => 1000 / time));
  return table(
    ["", "loader alone", "training alone", "both", "waiting"],
    loadings(measurements).map(({ contender, step, alone, together }) => [
      TITLES[contender],
      perSecond(alone),
      perSecond(step),
      perSecond(together),
      percent(median(valuesOf(together, "waiting")) / median(together.rounds)),
    ]),
  );
}

const networkName = (item: NetworkMeasurement): string =>
  `${subjectOf(item)}, threads ${item.threads}, ${item.workload.precision} ${item.workload.activation}`;

/** A row for each name, a column for each contender that is there; empty where it was not measured. */
function byContender<T extends Measurement>(
  found: readonly T[],
  contenders: readonly ContenderName[],
  nameOf: (item: T) => string,
  cellOf: (item: T) => string,
): string {
  const present = contenders.filter((name) => found.some(({ contender }) => contender === name));
  const cell = (contender: ContenderName, name: string) => {
    const own = found.find((item) => item.contender === contender && nameOf(item) === name);
    return own === undefined ? "" : cellOf(own);
  };
  return table(
    ["", ...present.map((name) => TITLES[name])],
    [...new Set(found.map(nameOf))].map((name) => [
      name,
      ...present.map((contender) => cell(contender, name)),
    ]),
  );
}

function spread(values: readonly number[]): string {
  const middle = format(median(values));
  return values.length === 1
    ? middle
    : `${middle} (${format(quantile(values, 0.1))}–${format(quantile(values, 0.9))})`;
}

const percent = (share: number): string => `${format(100 * share)} %`;

/** Three significant digits. */
function format(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}
