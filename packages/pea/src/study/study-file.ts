/**
 * `study.yaml`: what a study trains.
 *
 * ```yaml
 * name: fashion-mnist              # default: name of the file
 * settings:                        # recipe keys of all runs
 *   epochs: 12
 * networks:
 *   - mobilenet-0.25-small         # a name of `pea models`
 *   - model: resnet18-small        # or with recipe keys of its own
 *     name: resnet18-subset        # default: the model's name
 *     limitTrain: 12000
 *   - extends: ../resnet18.yaml    # or with those of a recipe, by its path from this file
 * variants:
 *   - ReLU                         # the baseline
 *   - SM75%                        # PEA
 *   - Mish                         # upper limit
 *   - name: SM75%, cosine          # any other way of training, by recipe keys
 *     pea: SM75%
 *     peaSchedule: cosine
 * seeds: [0, 1, 2]
 * beside:                          # what each variant is trained beside, as well as alone; default: nothing
 *   - name: mixup
 *     methods: [mixup]
 * against: SM75%                   # a variant that the others are compared with besides ReLU; default: none
 * targets:                         # forms in integers that each run is exported to and scored in; default: none
 *   - onnx-int8                    # a target of `pea export`
 *   - name: one scale a layer      # or with options of it
 *     target: tflite
 *     perTensor: true
 * ```
 *
 * @module
 */
import { basename, extname, join } from "node:path";
import { PeaError } from "@pea/core";
import { writeFileAtomically } from "@pea/torch";
import { stringify } from "yaml";
import { z } from "zod";
import { isModelFile } from "../common/model-file-name.ts";
import type { TargetScore } from "../compare/results.ts";
import { targetOf } from "../export/export-form.ts";
import { isIntegerTarget, type Target } from "../export/target.ts";
import { digestOfAll, readModelFile } from "../import/onnx/read-file.ts";
import { baselineName } from "../methods/variant-name.ts";
import { calibrationMethods } from "../quantize/calibration-methods.ts";
import { importedFiles, importFile } from "../recipe/import-file.ts";
import { namedVariant } from "../recipe/method-keys.ts";
import { mergeSettings } from "../recipe/recipe.ts";
import { besideFile, extendSettings, readYaml } from "../recipe/recipe-file.ts";
import { isSame } from "../recipe/recipe-identity.ts";

/** A name, and the recipe keys it stands for. */
export interface NamedSettings {
  name: string;
  settings: Readonly<Record<string, unknown>>;
}

/** A study, its names resolved and its recipe keys unchecked. */
export interface Study {
  /** Names folders: letters, digits, `.`, `_` and `-`. */
  name: string;
  /** Recipe keys of all runs. */
  settings: Readonly<Record<string, unknown>>;
  networks: readonly (NamedSettings & { dataset?: string })[];
  variants: readonly NamedSettings[];
  seeds: readonly number[];
  /** What each variant is trained beside, as well as alone. */
  beside?: readonly NamedSettings[];
  /** A variant that the others are compared with besides ReLU. */
  against?: string;
  /** What each run is exported to, and scored in. */
  targets?: readonly StudyTarget[];
}

/** A form in integers, and its name. */
export interface StudyTarget {
  name: string;
  form: TargetForm;
}

/** What the results of a study are to be compared by. */
export interface StudyPlan {
  name: string;
  /** Null: with ReLU alone. */
  against: string | null;
  /** Names of what each of these variants is trained beside; none: no such question. */
  beside: { names: readonly string[]; variants: readonly string[] };
  /** Runs of a network when the study is finished. */
  runsPerNetwork: number;
  /** What each run is exported to, and scored in. */
  targets: readonly StudyTarget[];
}

/** How the results of a study are to be compared. */
export function planOf(study: Study): StudyPlan {
  const { name, against, variants, beside = [], seeds, targets = [] } = study;
  return {
    name,
    against: against ?? null,
    beside: { names: beside.map(({ name }) => name), variants: variants.map(({ name }) => name) },
    runsPerNetwork: trainedVariants(study).length * seeds.length,
    targets,
  };
}

/** All ways of training of a study: its variants alone, then beside each of what they are to be trained beside. */
export function trainedVariants({
  variants,
  beside = [],
}: Pick<Study, "variants" | "beside">): NamedSettings[] {
  const together = beside.flatMap((other) =>
    variants.map((variant) => ({
      name: besideName(variant.name, other.name),
      settings: {
        ...variant.settings,
        ...other.settings,
        ...(variant.settings.methods !== undefined &&
          other.settings.methods !== undefined && {
            methods: [variant.settings.methods, other.settings.methods].flat(),
          }),
      },
    })),
  );
  return [...variants, ...together];
}

/** Name of a variant that is trained beside something. */
export const besideName = (variant: string, other: string): string => `${variant}, ${other}`;

/** Are all runs of a network there that were planned? Without a plan there is nothing to wait for. */
export function isFinished(plan: StudyPlan | null, ended: number): boolean {
  return plan === null || ended >= plan.runsPerNetwork;
}

/** Name of a target's file or folder among those of a run. */
export function targetFile({ name }: Pick<StudyTarget, "name">): string {
  return name.replace(/[^\w-]+/g, "-");
}

/** Is this the score of a target as the study has it now? */
export function isOfTarget(score: TargetScore | undefined, { form }: StudyTarget): score is TargetScore {
  return score !== undefined && isSame(score.form, form);
}

const name = z.string().trim().min(1);
const targetForm = z.strictObject({
  target: name,
  activations: z.enum(["int8", "uint8", "int16"]).optional(),
  perTensor: z.boolean().optional(),
  calibration: z.enum(calibrationMethods).optional(),
  calibrationImages: z.int().min(1).optional(),
  images: z.int().min(1).optional(),
});

/** How each run is exported: options of `exportRun`. */
export type TargetForm = z.infer<typeof targetForm>;

const settings = z.record(z.string(), z.unknown());
const schema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w][\w.-]*$/)
    .optional(),
  settings: settings.default({}),
  networks: z.array(z.union([name, settings])).min(1),
  variants: z.array(z.union([name, settings])).min(1),
  seeds: z.array(z.int().min(0)).min(1),
  beside: z.array(settings).min(1).optional(),
  against: name.optional(),
  targets: z
    .array(
      z.union([
        name.transform((target) => ({ name: target, target })),
        z.strictObject({ name: name.optional(), ...targetForm.shape }),
      ]),
    )
    .optional(),
});

const allowed: Readonly<Record<string, string>> = {
  name: "a word of letters, digits, dots, underscores and dashes; it names folders",
  settings: "recipe keys with values",
  networks: "a list of names of `pea models`, or of recipe keys with a model among them",
  variants: 'a list of "ReLU", variant codes such as "SM75%", smooth activations, or recipe keys with a name',
  seeds: "a list of whole numbers of at least 0, e.g. [0, 1, 2]",
  beside: "a list of recipe keys with a name, which each variant is trained beside",
  against: "the name of one of the variants",
  targets: `a list of targets of \`pea export\` that compute in integers, or of ${Object.keys(targetForm.shape).join(", ")}, with a name`,
};

/**
 * Reads the file of a study.
 *
 * @param runModule is given the modules that the study imports, before the names of its variants are read, which may be
 * of activations that they register
 * @throws PeaError (usage) naming file, key and what it may be
 */
export async function readStudy(
  path: string,
  runModule: (file: string) => Promise<void> = importFile,
): Promise<Study> {
  const { data, error } = schema.safeParse(readYaml(path).settings);
  if (error) throw usage(describe(path, error.issues[0] as z.core.$ZodIssue));
  const inFolder = (settings: Study["settings"]) => besideFile(path, settings) as Study["settings"];
  const settings = inFolder(data.settings);
  const networks = data.networks
    .map((entry, i) => networkOf(entry, `${path}: networks, entry ${i + 1}`, path))
    .map((network) => ({ ...network, settings: inFolder(network.settings) }));
  const ofVariants = [...data.variants, ...(data.beside ?? [])].map((entry) =>
    typeof entry === "string" ? {} : inFolder(entry),
  );
  for (const { import: imported } of [settings, ...networks.map(({ settings }) => settings), ...ofVariants])
    for (const file of importedFiles(imported)) await runModule(file);
  const study = {
    name: data.name ?? basename(path, extname(path)),
    settings,
    networks: await Promise.all(networks.map(withFileDigest)),
    variants: data.variants
      .map((entry, i) => variantOf(entry, `${path}: variants, entry ${i + 1}`))
      .map((variant) => ({ ...variant, settings: inFolder(variant.settings) })),
    seeds: data.seeds,
    ...(data.beside !== undefined && {
      beside: data.beside
        .map((entry, i) => besideOf(entry, `${path}: beside, entry ${i + 1}`))
        .map((other) => ({ ...other, settings: inFolder(other.settings) })),
    }),
    ...(data.against !== undefined && { against: data.against }),
    ...(data.targets !== undefined && { targets: data.targets.map(targetEntry) }),
  };
  refuseTwice(
    study.networks.map(({ name }) => name),
    `${path}: networks`,
  );
  const names = trainedVariants(study).map(({ name }) => name);
  refuseTwice(names, `${path}: variants`);
  refuseTwice(study.seeds.map(String), `${path}: seeds`);
  refuseTwice((study.targets ?? []).map(targetFile), `${path}: targets`);
  for (const { name, form } of study.targets ?? []) requireIntegers(form, `${path}: targets, ${name}`);
  if (study.beside !== undefined && !study.variants.some(({ name }) => name === baselineName))
    throw usage(
      `${path}: beside asks for gains over ${baselineName}, which is not among the variants; add it`,
    );
  if (study.against !== undefined && !names.includes(study.against))
    throw usage(
      `${path}: against is ${JSON.stringify(study.against)}, which is not among the variants ${names.join(", ")}`,
    );
  return study;
}

/** Name of the file that describes a study beside its results. */
export const STUDY_FILE = "study.yaml";

/** Writes a study down beside its results, complete in itself. */
export function writeStudy(
  folder: string,
  { name, settings, networks, variants, seeds, beside, against, targets }: Study,
): void {
  const content = {
    name,
    settings,
    networks: networks.map(({ name, dataset, settings }) => ({
      name,
      ...(dataset !== undefined && { dataset }),
      ...settings,
    })),
    variants: variants.map(({ name, settings }) => ({ name, ...settings })),
    seeds,
    ...(beside !== undefined && { beside: beside.map(({ name, settings }) => ({ name, ...settings })) }),
    ...(against !== undefined && { against }),
    ...(targets !== undefined && { targets: targets.map(({ name, form }) => ({ name, ...form })) }),
  };
  writeFileAtomically(join(folder, STUDY_FILE), [Buffer.from(stringify(content))]);
}

/** What a run of the study imports. */
export function importOf(study: Study, run: { network: string; variant: string }): unknown {
  const network = study.networks.find(({ name }) => name === run.network);
  const variant = trainedVariants(study).find(({ name }) => name === run.variant);
  return variant?.settings.import ?? network?.settings.import ?? study.settings.import;
}

function networkOf(
  entry: string | Record<string, unknown>,
  where: string,
  path: string,
): Study["networks"][number] {
  if (typeof entry === "string") return { name: entry, settings: { model: entry } };
  const { name: given, dataset, ...own } = entry;
  const settings = mergeSettings(extendSettings(path, own));
  const name = given ?? settings.model;
  if (typeof name !== "string" || typeof settings.model !== "string")
    throw usage(`${where} needs a model, a name of \`pea models\`, or a recipe to extend that has one`);
  if (dataset === undefined) return { name, settings };
  if (typeof dataset !== "string") throw usage(`${where}: dataset must be a name`);
  return { name, settings, dataset };
}

/** A network of an ONNX file is known by what is in it. */
async function withFileDigest<N extends NamedSettings>(network: N): Promise<N> {
  const { model, modelDigest } = network.settings;
  if (typeof model !== "string" || !isModelFile(model) || modelDigest !== undefined) return network;
  const digest = digestOfAll((await readModelFile(model)).facts);
  return { ...network, settings: { ...network.settings, modelDigest: digest } };
}

function targetEntry({ name, ...form }: { name?: string } & TargetForm): StudyTarget {
  return { name: name ?? form.target, form };
}

/** Only what is written in integers has a score of its own. */
function requireIntegers(form: TargetForm, where: string): void {
  let target: Target;
  try {
    target = targetOf(form);
  } catch (error) {
    throw usage(`${where}: ${(error as Error).message}`);
  }
  if (!isIntegerTarget(target)) throw usage(`${where}: ${target.title} computes in floats; leave it out`);
}

function variantOf(entry: string | Record<string, unknown>, where: string): NamedSettings {
  if (typeof entry === "string") return { ...ofName(entry, where) };
  const { name, ...settings } = entry;
  if (typeof name !== "string")
    throw usage(`${where} needs a name, beside its recipe keys ${Object.keys(settings).join(", ")}`);
  if (Object.keys(settings).length === 0) return ofName(name, where);
  return { name, settings };
}

function besideOf({ name, ...settings }: Record<string, unknown>, where: string): NamedSettings {
  if (typeof name !== "string" || Object.keys(settings).length === 0)
    throw usage(`${where} needs a name and recipe keys`);
  return { name, settings };
}

/** The recipe keys that a name stands for. Upper limits are named as activations are, in small letters. */
function ofName(name: string, where: string): NamedSettings {
  try {
    return namedVariant(name);
  } catch (error) {
    throw usage(`${where} is ${(error as Error).message}`);
  }
}

function refuseTwice(names: readonly string[], where: string): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw usage(`${where}: ${twice} stands there twice; leave one out, or give it a name`);
}

function describe(path: string, issue: z.core.$ZodIssue): string {
  const key = issue.path[0];
  if (key === undefined && issue.code === "unrecognized_keys")
    return `${path}: unknown key "${issue.keys[0]}"; a study has ${Object.keys(allowed).join(", ")}, and recipe keys go under settings`;
  if (key === undefined) return `${path} must hold the keys ${Object.keys(allowed).join(", ")}`;
  return `${path}: ${String(key)} must be ${allowed[String(key)]}`;
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });
