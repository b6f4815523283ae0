/** An ONNX file and the files beside it that hold its weights. */
import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, resolve, sep } from "node:path";
import { PeaError } from "@pea/core";
import { sha256Of } from "../../common/sha256.ts";
import { decodeModel, type ModelProto, type NodeProto, type TensorProto } from "../../onnx-file/model.ts";

/** Before, operators stretched their inputs by attributes of their own; later ones are not known here. */
const [oldestOpset, newestOpset] = [7, 26];

/** What a file says of itself. */
export interface FileFacts {
  /** Version of ONNX's own operators. */
  readonly opset: number;
  readonly irVersion: number;
  /** As `pytorch 2.15.0`; empty where the file does not say. */
  readonly producer: string;
  /** SHA-256 of each file by its name: the ONNX file first, then those of its weights. */
  readonly digests: ReadonlyMap<string, string>;
}

/** A file, read; its tensors hold their bytes, wherever these lay. */
export interface ReadFile {
  readonly model: ModelProto;
  readonly facts: FileFacts;
}

/**
 * Reads an ONNX file, and the weights that lie in files beside it.
 *
 * @throws PeaError of kind usage where a file is missing, is no ONNX model, is cut, or names weights outside its folder
 */
export async function readModelFile(path: string): Promise<ReadFile> {
  const content = await readFile(path).catch((cause) => {
    throw usage(`Cannot read ${path}: ${cause.message}`);
  });
  const model = decodeModel(content, path);
  const opset = model.opsets.find(({ domain }) => (domain ?? "") === "" || domain === "ai.onnx")?.version;
  if (model.graph === undefined || model.graph.node.length === 0 || opset === undefined)
    throw usage(`${path} is not an ONNX model: it holds no operators`);
  if (opset < oldestOpset || opset > newestOpset)
    throw usage(
      `${path} is of opset ${opset}: export it with one from ${oldestOpset} to ${newestOpset} (17 is a good one)`,
    );
  const others = await fillFromOtherFiles(path, tensorsOf(model));
  const digests = new Map([[basename(path), sha256Of(content)]]);
  for (const [name, bytes] of others) digests.set(name, sha256Of(bytes));
  const producer = `${model.producerName ?? ""} ${model.producerVersion ?? ""}`.trim();
  return { model, facts: { opset, irVersion: model.irVersion ?? 0, producer, digests } };
}

const usage = (message: string): PeaError => new PeaError(message, { kind: "usage" });

/** One SHA-256 of a network's files: that of the file itself where it is one, else that of the lines of `sha256sum`. */
export function digestOfAll({ digests }: FileFacts): string {
  const [[, only = ""] = []] = digests;
  if (digests.size === 1) return only;
  const lines = Array.from(digests, ([name, digest]) => `${digest}  ${name}\n`);
  return sha256Of(new TextEncoder().encode(lines.join("")));
}

/** All tensors: initializers, and those of `Constant` nodes. */
function tensorsOf({ graph }: ModelProto): TensorProto[] {
  const attributes = (graph?.node ?? []).flatMap(({ attribute }: NodeProto) => attribute);
  return [...(graph?.initializer ?? []), ...attributes.flatMap(({ t }) => t ?? [])];
}

/** Gives the tensors that lie elsewhere their bytes; the files by their names. */
async function fillFromOtherFiles(
  path: string,
  tensors: readonly TensorProto[],
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const slices = new Map<string, number>();
  for (const tensor of tensors) {
    if (tensor.dataLocation !== 1) continue;
    const told = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
    const location = told.get("location") ?? "";
    const bytes = files.get(location) ?? (await readBeside(path, location, tensor.name ?? ""));
    files.set(location, bytes);
    const offset = Number(told.get("offset") ?? 0);
    const length = Number(told.get("length") ?? bytes.length - offset);
    if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length))
      throw usage(
        `${path} wants ${length} bytes from ${offset} on of ${location}, which has ${bytes.length}, for ${tensor.name}: ` +
          "the file is cut, or belongs to another export; copy both files anew",
      );
    tensor.rawData = bytes.subarray(offset, offset + length);
    slices.set(`${location} ${offset} ${length}`, length);
  }
  const sizes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  if ([...slices.values()].reduce((sum, length) => sum + length, 0) > sizes)
    throw usage(`${path} names tensors in ${[...files.keys()].join(", ")} that overlap: it is damaged`);
  return files;
}

async function readBeside(path: string, location: string, tensor: string): Promise<Uint8Array> {
  const folder = await realpath(dirname(path));
  const wanted = resolve(folder, location);
  const outside = (file: string) => !file.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  if (outside(wanted))
    throw usage(
      `${path} looks for ${tensor} in ${location}, outside its folder: weights must lie beside the file`,
    );
  const real = await realpath(wanted).catch(() => {
    throw usage(
      `${path} keeps its weights in ${location}, which is not there: copy both files into one folder, or export with ` +
        "external_data=False",
    );
  });
  if (outside(real))
    throw usage(`${path} looks for ${tensor} in ${location}, a link that leads outside its folder`);
  return readFile(real).catch((cause) => {
    throw usage(`Cannot read ${location}, which holds the weights of ${path}: ${cause.message}`);
  });
}
