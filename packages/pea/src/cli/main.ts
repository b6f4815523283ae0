/** The command line `pea`. Each command loads its own code, so that help and doctor run without the engine. */
import { createRequire } from "node:module";
import { PeaError } from "@pea/core";
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { TableNumber } from "../compare/table-figures.ts";
import { type RecipeFlag, recipeFlags } from "../recipe/recipe-flags.ts";
import { type Circumstance, circumstances } from "../recipe/recipe-identity.ts";
import { log, printResult } from "../terminal/output.ts";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

/** Heading in help. */
const RECIPE = "Recipe (keys of the same names in YAML, in camelCase):";

const LETTER = "To repeat the paper, or others' code, to the letter:";

/** Exit code of a user's mistake. */
const USAGE = 2;
/** Exit code of anything else that failed. */
const FAILURE = 1;

/**
 * Runs one command line.
 *
 * @param words the words after `pea`
 * @returns the exit code: 0; 1 for a failure; 2 for a user's mistake; 130 or 143 when stopped by a signal
 */
export async function main(words: readonly string[]): Promise<number> {
  const outcome = { code: 0 };
  const options = { json: words.includes("--json"), debug: words.includes("--debug") };
  const program = createProgram(outcome);
  try {
    await program.parseAsync(words, { from: "user" });
    return outcome.code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // Commander has told it on stderr already.
      if (options.json) printError(messageOf(error));
      return USAGE;
    }
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    log(options.debug ? (stack ?? message) : `pea: ${message}`);
    if (options.json) printError(message);
    return error instanceof PeaError ? error.exitCode : FAILURE;
  }
}

function printError(message: string): void {
  printResult({ json: true }, { error: { message } }, () => message);
}

function messageOf(error: CommanderError): string {
  if (error.code === "commander.help") return "no command given; see pea --help";
  return error.message.replace(/^error: /, "");
}

function createProgram(outcome: { code: number }): Command {
  const program = new Command("pea")
    .description("Trains ReLU networks with Progressive Ensemble Activations.")
    .version(version)
    .exitOverride()
    // Commander's own messages begin as all others do.
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "pea: ")) })
    .addHelpText(
      "after",
      example("pea train --pea SM75% --epochs 10", "pea export runs/<run>", "pea help train"),
    );

  const train = common(program.command("train"))
    .description("train a network")
    .option("-c, --config <FILE>", "recipe in YAML; flags go over it")
    .option("--run <DIR>", "folder of the run (default: a new one in runs/)")
    .option("--overwrite", "delete the run that is already in the folder")
    .option(
      "--resume <DIR>",
      `go on with a stopped run by its own recipe; of the recipe's flags it takes those that do not decide what is trained: ${circumstanceFlags()}`,
    )
    .addOption(changedDataOption())
    .option("--dry-run", "print the plan and train nothing")
    .addHelpText(
      "after",
      example(
        "pea train --pea SM75%                        PEA: stochastic Mish, ReLU alone from 75 % of the run",
        "pea train --pea none                         the same network with ReLU from the start",
        "pea train --activation mish                  the upper limit: Mish from start to end",
        "pea train -c recipe.yaml --epochs 20 --seed 1",
        "pea train --pea WG9 --dry-run --json",
        "pea train --resume runs/<run>",
      ),
    )
    .action(async (options) => {
      outcome.code = await (await import("./train.ts")).runTrain(options);
    });
  for (const flag of recipeFlags()) for (const option of optionsOf(flag)) train.addOption(option);

  common(program.command("init"))
    .description("look at a folder of images and write a commented recipe for them")
    .argument("[folder]", "of the data (default: this folder)")
    .option("--data-dir <DIR>", "the same, as other commands name it")
    .option("-o, --output <FILE>", "the recipe to write", "pea.yaml")
    .option("--force", "replace the recipe that is there")
    .addOption(importOption())
    .addOption(sameFlag("label-base").choices(["0", "1"]))
    .addOption(sameFlag("on-missing-shard").choices(["fail", "skip"]))
    .addHelpText("after", example("pea init photos/", "pea init --data-dir photos/ -o photos.yaml --json"))
    .action(async (folder, options) => (await import("./init.ts")).runInit(folder, options));

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

  common(program.command("export"))
    .description("write the ReLU network of a run as an ONNX file, or in another form, and verify it")
    .argument("<run>", "folder of the run")
    .addOption(checkpointOption())
    .addOption(dataOption())
    .addOption(movedImportOption())
    .addOption(badSampleOption())
    .option("-o, --output <FILE>", "the file to write (default: model.onnx in the run)")
    .option("--target <NAME>", "form of the file: onnx, or a module that registers another (default: onnx)")
    .addOption(
      new Option("--batch <N>", "images the file takes at a time (default: any number)").argParser(
        positiveNumber,
      ),
    )
    .addOption(
      new Option("--opset <N>", "version of ONNX's operators, 11 to 17 (default: 17)").argParser(wholeNumber),
    )
    .option("--fold-batch-norm", "make batch normalization a part of the weights before it")
    .addHelpText(
      "after",
      example(
        "pea export runs/<run>",
        "pea export runs/<run> -o network.onnx --json",
        "pea export runs/<run> --batch 1 --opset 11 --fold-batch-norm     for compilers of fixed shapes",
      ),
    )
    .action(async (run, options) => (await import("./export.ts")).runExport(run, options));

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

  common(program.command("inspect"))
    .description("show the layers of a network, its size and its activation sites")
    .argument("<network>", "a name that pea models lists, or the folder of a run")
    .option(
      "--input <CxHxW>",
      "channels, height and width of an image (default: what the network is meant for)",
    )
    .addOption(
      new Option("--classes <N>", "classes (default: those of the network's data set)").argParser(
        wholeNumber,
      ),
    )
    .addOption(importOption())
    .addHelpText(
      "after",
      example(
        "pea inspect resnet18",
        "pea inspect mobilenet-0.5 --input 3x128x128 --classes 20 --json",
        "pea inspect runs/<run>",
      ),
    )
    .action(async (network, options) => (await import("./inspect.ts")).runInspect(network, options));

  common(program.command("models"))
    .description("list the networks")
    .addOption(importOption())
    .addHelpText("after", example("pea models", "pea models --json"))
    .action(async (options) => (await import("./models.ts")).runModels(options));

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

  common(program.command("doctor"))
    .description("show versions, engine and data sets, and what to do where something is missing")
    .addHelpText("after", example("pea doctor", "pea doctor --json"))
    .action(async (options) => {
      outcome.code = await (await import("./doctor.ts")).runDoctor(options, version);
    });
  return program;
}

/** The flags of a recipe that a run goes on under others of. */
function circumstanceFlags(): string {
  const taken = recipeFlags().filter(({ path: [key] }) => circumstances.includes(key as Circumstance));
  return taken.map(({ name }) => `--${name}`).join(", ");
}

const common = (command: Command): Command =>
  command
    .option("--json", "print one JSON document on stdout; all else goes to stderr")
    .option("--debug", "show the stack of an error");

const checkpointOption = (): Option =>
  new Option("--checkpoint <NAME>", "best or last model (default: best where there is one)").choices([
    "best",
    "last",
  ]);

const importOption = (): Option =>
  new Option(
    "--import <FILE>",
    "module (.js, .ts) that registers networks, activations or data sets of your own",
  );

const movedImportOption = (): Option =>
  new Option("--import <FILE>", "module with the run's own network, activation or data set, if it has moved");

const changedDataOption = (): Option =>
  new Option("--allow-changed-data", "go on although images to be scored on were trained on");

const BAD_SAMPLE = "what to do at an image that cannot be read";
const badSampleChoices = ["fail", "skip"];

const badSampleOption = (): Option =>
  new Option("--on-bad-sample <NAME>", `${BAD_SAMPLE} (default: what the run does)`).choices(
    badSampleChoices,
  );

const dataOption = (): Option => new Option("--data-dir <DIR>", "folder of the data set, if it has moved");

/** @throws InvalidArgumentError, which commander words as the option's */
function wholeNumber(word: string): number {
  if (!/^\d+$/.test(word)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(word);
}

/** @throws InvalidArgumentError, which commander words as the option's */
function positiveNumber(word: string): number {
  const number = wholeNumber(word);
  if (number === 0) throw new InvalidArgumentError("It must be at least 1.");
  return number;
}

const example = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`;

/** An option of a command beside `train`, as a recipe's flag is explained there. */
function sameFlag(name: string): Option {
  const { help, value } = recipeFlags().find((flag) => flag.name === name) as RecipeFlag;
  return new Option(`--${name} <${value}>`, help);
}

/** The option of a recipe key. An on/off key has two; help shows the one that changes the default. */
function optionsOf(flag: RecipeFlag): Option[] {
  const group = flag.letter ? LETTER : RECIPE;
  const initial = Array.isArray(flag.default) ? flag.default.join(",") || "none" : flag.default;
  if (flag.value === undefined) {
    const on = new Option(`--${flag.name}`, flag.help);
    const off = new Option(`--no-${flag.name}`, `do not ${flag.help}`);
    (initial ? on : off).hideHelp();
    return [on.helpGroup(group), off.helpGroup(group)];
  }
  const help = initial === undefined ? flag.help : `${flag.help} (default: ${initial})`;
  return [new Option(`--${flag.name} <${flag.value}>`, help).helpGroup(group)];
}
