/** What can be asked of the command line: commands, arguments, options, examples. */
import { createRequire } from "node:module";
import { Argument, Command, Option } from "commander";
import type { TableNumber } from "../compare/table-figures.ts";
import {
  BAD_SAMPLE,
  badSampleChoices,
  badSampleOption,
  changedDataOption,
  checkpointOption,
  common,
  dataOption,
  duration,
  example,
  importOption,
  movedImportOption,
  positiveNumber,
  wholeNumber,
} from "./options.ts";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

/** The exit code, where a command sets another than 0. */
interface Outcome {
  code: number;
}

type FromRecipe = typeof import("./recipe-options.ts");

type OfTargets = typeof import("./target-options.ts");

/** Commands with options made of a recipe's keys, and of what targets there are. */
const takeRecipeOptions = ["train", "init"];
const takeTargetOptions = ["export", "inspect"];

/**
 * The program for a command line. What reads a recipe's keys is loaded only for commands with options of them: it takes
 * longer than all else that help needs. So is what names targets.
 *
 * @param words the words after `pea`
 */
export async function createProgram(words: readonly string[], outcome: Outcome): Promise<Command> {
  const isAsked = (commands: readonly string[]) => words.some((word) => commands.includes(word));
  const fromRecipe = isAsked(takeRecipeOptions) ? await import("./recipe-options.ts") : undefined;
  const ofTargets = isAsked(takeTargetOptions) ? await import("./target-options.ts") : undefined;
  const program = new Command("pea")
    .description("Trains ReLU networks with Progressive Ensemble Activations.")
    .version(version)
    .exitOverride()
    // Whoever catches its errors tells them as all others.
    .configureOutput({ outputError: () => {} })
    .addHelpText(
      "after",
      example("pea train --pea SM75% --epochs 10", "pea export runs/<run>", "pea help train"),
    );
  addTrain(program, outcome, words, fromRecipe);
  addInit(program, fromRecipe);
  addEval(program);
  addExport(program, outcome, ofTargets);
  addPredict(program);
  addInspect(program, outcome, ofTargets);
  addModels(program);
  addStudy(program, outcome);
  addAdvise(program, outcome);
  addTable(program);
  addReport(program);
  addSetup(program);
  addDoctor(program, outcome);
  return program;
}

function addTrain(
  program: Command,
  outcome: Outcome,
  words: readonly string[],
  fromRecipe?: FromRecipe,
): void {
  const taken = fromRecipe?.circumstanceFlags() ?? "";
  const train = common(program.command("train"))
    .description("train a network")
    .option("-c, --config <FILE>", "recipe in YAML; flags go over it")
    .option("--run <DIR>", "folder of the run (default: a new one in runs/)")
    .option("--overwrite", "delete the run that is already in the folder")
    .option(
      "--resume <DIR>",
      `go on with a stopped run by its own recipe; of the recipe's flags it takes those that do not decide what is trained: ${taken}`,
    )
    .addOption(changedDataOption())
    .option(
      "--processes <N>",
      "share the batches of the recipe among N processes of this machine (other launchers: docs/distributed.md)",
      positiveNumber,
    )
    .option(
      "--timeout <SECONDS>",
      "how long several processes wait for one that does not answer before all end (default: 300)",
      positiveNumber,
    )
    .option("--dry-run", "print the plan and the memory that some steps take, and train nothing")
    .option(
      "--target <NAME>",
      "the form of pea export that the run is for (or a module that registers one): a network that it does not take is refused before training, and the method quantize rounds as it does",
    )
    .addHelpText(
      "after",
      example(
        "pea train --pea SM75%                        PEA: stochastic Mish, ReLU alone from 75 % of the run",
        "pea train --pea none                         the same network with ReLU from the start",
        "pea train --activation mish                  the upper limit: Mish from start to end",
        "pea train -c recipe.yaml --epochs 20 --seed 1",
        "pea train --pea WG9 --dry-run --json",
        "pea train --resume runs/<run>",
        "pea train -c recipe.yaml --processes 2       two processes, each with half of every batch",
      ),
    )
    .action(async (options) => {
      outcome.code = await (await import("./train.ts")).runTrain(options, words);
    });
  for (const option of fromRecipe?.recipeOptions() ?? []) train.addOption(option);
}

function addInit(program: Command, fromRecipe?: FromRecipe): void {
  const init = common(program.command("init"))
    .description("look at a folder of images and write a commented recipe for them")
    .argument("[folder]", "of the data (default: this folder)")
    .option("--data-dir <DIR>", "the same, as other commands name it")
    .option("-o, --output <FILE>", "the recipe to write", "pea.yaml")
    .option("--force", "replace the recipe that is there")
    .addOption(importOption())
    .addHelpText("after", example("pea init photos/", "pea init --data-dir photos/ -o photos.yaml --json"))
    .action(async (folder, options) => (await import("./init.ts")).runInit(folder, options));
  if (fromRecipe === undefined) return;
  init
    .addOption(fromRecipe.sameOption("label-base").choices(["0", "1"]))
    .addOption(fromRecipe.sameOption("on-missing-shard").choices(["fail", "skip"]));
}

function addEval(program: Command): void {
  common(program.command("eval"))
    .description("score the network of a run")
    .argument("<run>", "folder of the run")
    .addOption(checkpointOption())
    .addOption(dataOption())
    .addOption(movedImportOption())
    .addOption(changedDataOption())
    .addOption(
      new Option("--part <NAME>", "part of the data set")
        .choices(["test", "validation", "unlabelled"])
        .default("test"),
    )
    .addOption(badSampleOption())
    .option("--output <DIR>", "segmentation: write label maps and overlays in colours to a folder")
    .addHelpText(
      "after",
      example(
        "pea eval runs/<run>",
        "pea eval runs/<run> --checkpoint last --json",
        "pea eval runs/<run> --part unlabelled --output labels    label maps of Cityscapes' test images",
      ),
    )
    .action(async (run, options) => (await import("./eval.ts")).runEval(run, options));
}

function addExport(program: Command, outcome: Outcome, ofTargets?: OfTargets): void {
  const command = common(program.command("export"))
    .description("write the ReLU network of a run as an ONNX file, or in another form, and verify it")
    .argument("<run>", "folder of the run")
    .addOption(checkpointOption())
    .addOption(dataOption())
    .addOption(movedImportOption())
    .addOption(badSampleOption())
    .option(
      "-o, --output <FILE>",
      "the file or folder to write (default: the target's usual one, model.onnx of ONNX, in the run)",
    )
    .addHelpText(
      "after",
      example(
        "pea export runs/<run>",
        "pea export runs/<run> -o network.onnx --json",
        "pea export runs/<run> --batch 1 --opset 11 --fold-batch-norms     for compilers of fixed shapes",
        "pea export runs/<run> --target onnx-int8                         in integers of 8 bits",
        "pea export runs/<run> --target tflm                              for microcontrollers",
        "pea export runs/<run> --target ethos-u55 --macs 128              for an NPU, with its cycles by Vela",
      ),
    )
    .action(async (run, options) => {
      outcome.code = await (await import("./export.ts")).runExport(run, options);
    });
  if (ofTargets === undefined) return;
  for (const option of ofTargets.formOptions()) command.addOption(option);
  command.optionsGroup("Options of targets in integers:");
  for (const option of ofTargets.integerOptions()) command.addOption(option);
}

function addPredict(program: Command): void {
  common(program.command("predict"))
    .description("name the classes of images, or of their pixels")
    .argument("<source>", "folder of a run, or an ONNX file that pea export wrote")
    .argument("<images...>", "image files, or folders of them")
    .addOption(checkpointOption())
    .addOption(movedImportOption())
    .addOption(
      new Option("-k, --top-k <N>", "classes to name (default: 5, or all where there are fewer)").argParser(
        wholeNumber,
      ),
    )
    .addOption(
      new Option("-o, --output <DIR>", "where a network for segmentation writes label maps and overlays"),
    )
    .addOption(new Option("--on-bad-sample <NAME>", BAD_SAMPLE).choices(badSampleChoices).default("fail"))
    .addHelpText(
      "after",
      example(
        "pea predict runs/<run> photo.jpg",
        "pea predict runs/<run> street.png --output maps/     segmentation",
        "pea predict runs/<run>/model.onnx photos/ --top-k 1 --on-bad-sample skip --json",
      ),
    )
    .action(async (source, images, options) =>
      (await import("./predict.ts")).runPredict(source, images, options),
    );
}

function addInspect(program: Command, outcome: Outcome, ofTargets?: OfTargets): void {
  const command = common(program.command("inspect"))
    .description("show the layers of a network, its size and its activation sites")
    .argument("<network>", "a name that pea models lists, an ONNX file, or the folder of a run")
    .option(
      "--input <CxHxW>",
      "channels, height and width of an image (default: what the network is meant for)",
    )
    .addOption(
      new Option("--classes <N>", "classes (default: those of the network's data set)").argParser(
        positiveNumber,
      ),
    )
    .option(
      "--batch <N>",
      "train it twice by N random images, and tell the memory that this takes",
      positiveNumber,
    )
    .option(
      "--output <NAME>",
      "which output of an ONNX file is meant, where it has several, or the value behind which it is cut off",
    )
    .addOption(importOption())
    .addHelpText(
      "after",
      example(
        "pea inspect resnet18",
        "pea inspect mobilenet-0.5 --input 3x128x128 --classes 20 --json",
        "pea inspect mobilenet-0.25 --batch 64              the memory of a training step",
        "pea inspect network.onnx",
        "pea inspect runs/<run>",
        "pea inspect mobilenet-0.25 --target ethos-u55     whether the NPU runs it, and its cycles by Vela",
      ),
    )
    .action(async (network, options) => {
      outcome.code = await (await import("./inspect.ts")).runInspect(network, options);
    });
  if (ofTargets === undefined) return;
  command.optionsGroup("Options that ask a target about it:");
  for (const option of ofTargets.inspectionOptions()) command.addOption(option);
}

function addModels(program: Command): void {
  common(program.command("models"))
    .description("list the networks")
    .addOption(importOption())
    .addHelpText("after", example("pea models", "pea models --json"))
    .action(async (options) => (await import("./models.ts")).runModels(options));
}

function addStudy(program: Command, outcome: Outcome): void {
  common(program.command("study"))
    .description("train a grid of networks, variants and seeds, and compare them")
    .requiredOption("-c, --config <FILE>", "the study in YAML")
    .option("-o, --output <DIR>", "folder of the results (default: results/<study>)")
    .option("--runs <DIR>", "folder of the runs", "runs/studies")
    .addOption(
      new Option("--jobs <N>", "runs to train at a time; each has its share of the processor's threads")
        .argParser(positiveNumber)
        .default(1),
    )
    .addOption(changedDataOption())
    .option("--dry-run", "print the runs and train nothing")
    .addHelpText(
      "after",
      example(
        "pea study -c recipes/studies/smoke.yaml --dry-run",
        "pea study -c recipes/studies/smoke.yaml",
        "pea study -c study.yaml --jobs 2           the same command goes on where a study was stopped",
      ),
    )
    .action(async (options) => {
      outcome.code = await (await import("./study.ts")).runStudyCommand(options);
    });
}

function addAdvise(program: Command, outcome: Outcome): void {
  common(program.command("advise"))
    .description("find out by short runs which way to train suits some data, in a time that is given")
    .argument("<data>", "folder of images, or a recipe in YAML")
    .addOption(
      new Option("--time <DURATION>", "for all of it, e.g. 90m or 8h")
        .argParser(duration)
        .makeOptionMandatory(),
    )
    .option("-o, --output <DIR>", "folder of the results (default: advice/<data>)")
    .option("--runs <DIR>", "folder of the runs", "runs/advise")
    .addHelpText(
      "after",
      example(
        "pea advise photos/ --time 2h",
        "pea advise recipe.yaml --time 90m --json     the same command goes on where it was stopped",
      ),
    )
    .action(async (data, options) => {
      outcome.code = await (await import("./advise.ts")).runAdvise(data, options);
    });
}

function addTable(program: Command): void {
  common(program.command("table"))
    .description("print one of the paper's tables, with a study's results where they are given")
    .addArgument(new Argument("<number>", "of the table").choices(["2", "3", "4", "5", "6"]))
    .argument("[results]", "folder of a study, or its results.jsonl (default: the paper's figures alone)")
    .addOption(
      new Option("--format <NAME>", "how to print it")
        .choices(["markdown", "csv", "latex"])
        .default("markdown"),
    )
    .addOption(movedImportOption())
    .addHelpText(
      "after",
      example("pea table 2", "pea table 4 results/<study>", "pea table 3 results/<study> --format latex"),
    )
    .action(async (number, results, options) =>
      (await import("./table.ts")).runTable(Number(number) as TableNumber, results, options),
    );
}

function addReport(program: Command): void {
  common(program.command("report"))
    .description("write one page on runs, or on a study: verdict, intervals, curves")
    .argument("<paths...>", "folders of runs; or one study: its folder, or its results.jsonl")
    .option(
      "-o, --output <FILE>",
      "the page to write (default: report.html in the run, study or folder of the runs)",
    )
    .addOption(movedImportOption())
    .addHelpText(
      "after",
      example(
        "pea report runs/<run>",
        "pea report runs/relu-* runs/pea-* -o comparison.html",
        "pea report results/<study> --json",
      ),
    )
    .action(async (paths, options) => (await import("./report.ts")).runReport(paths, options));
}

function addSetup(program: Command): void {
  common(program.command("setup"))
    .description("find libtorch, and build the native libraries where there are none for it")
    .addHelpText(
      "after",
      example(
        "pea setup",
        "LIBTORCH=/path/to/site-packages/torch pea setup     for the libtorch in that folder",
      ),
    )
    .action(async (options) => (await import("./setup.ts")).runSetup(options));
}

function addDoctor(program: Command, outcome: Outcome): void {
  common(program.command("doctor"))
    .description("show versions, engine and data sets, and what to do where something is missing")
    .addHelpText("after", example("pea doctor", "pea doctor --json"))
    .action(async (options) => {
      outcome.code = await (await import("./doctor.ts")).runDoctor(options, version);
    });
}
