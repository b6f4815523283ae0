/**
 * Files that are taken for safetensors files by mistake, known by their first bytes.
 *
 * @module
 */

/** How many bytes of a file `describeOtherFormat` looks at. */
export const headLength = 512;

interface OtherFormat {
  /** What such a file is; ends the sentence "it is …". */
  readonly name: string;
  is(head: Buffer): boolean;
  /** What to do about it. */
  wayOut(path: string): string;
}

const formats: readonly OtherFormat[] = [
  { name: "a PyTorch file", is: isPyTorchArchive, wayOut: conversionOfPyTorch },
  // Protocol 2 to 5; torch.save before PyTorch 1.6, and pickle itself.
  {
    name: "a pickle, as PyTorch's older files are",
    is: (head) => head[0] === 0x80 && head[1] !== undefined && head[1] >= 2 && head[1] <= 5,
    wayOut: conversionOfPyTorch,
  },
  {
    name: "an archive of NumPy arrays",
    is: (head) => /^[^/]+\.npy/.test(firstInZip(head)),
    wayOut: writeAnew,
  },
  { name: "a NumPy array", is: startsWith("\x93NUMPY"), wayOut: writeAnew },
  { name: "an HDF5 file, as Keras writes them", is: startsWith("\x89HDF\r\n\x1a\n"), wayOut: writeAnew },
  {
    name: "an ONNX file",
    // Field 1, the version of the format, then the field of the producer's name, the graph or the opsets.
    is: (head) => head[0] === 0x08 && (head[1] ?? 0) < 0x20 && [0x12, 0x3a, 0x42].includes(head[2] ?? 0),
    wayOut: writeAnew,
  },
  { name: "a zip archive", is: (head) => firstInZip(head) !== "", wayOut: writeAnew },
  {
    name: "Git LFS's pointer to a file that was not fetched",
    is: startsWith("version https://git-lfs"),
    wayOut: () => "run `git lfs pull` in its repository",
  },
  {
    name: "a page of HTML",
    is: (head) => /^\s*<(!doctype html|html)/i.test(head.toString("latin1")),
    wayOut: () => "download the file itself, not the page about it",
  },
];

/** What a file that is no safetensors file is, and the way out; undefined where its first bytes do not tell. */
export function describeOtherFormat(head: Buffer, path: string): string | undefined {
  const format = formats.find(({ is }) => is(head));
  return format && `it is ${format.name}, not a safetensors file; ${format.wayOut(path)}`;
}

function startsWith(text: string): (head: Buffer) => boolean {
  return (head) => head.subarray(0, text.length).toString("latin1") === text;
}

/** The name of the first file in a zip archive; "" where it is none. */
function firstInZip(head: Buffer): string {
  if (head.length < 30 || head.readUInt32LE(0) !== 0x04034b50) return "";
  return head.subarray(30, 30 + head.readUInt16LE(26)).toString("latin1");
}

/** torch.save writes a folder with the pickle, the tensors' bytes and notes; so does TorchScript. */
function isPyTorchArchive(head: Buffer): boolean {
  return /^[^/]+\/(data\.pkl|data\/|constants\.pkl|code\/|version|byteorder|\.format_version)/.test(
    firstInZip(head),
  );
}

function writeAnew(): string {
  return "write its weights into one, under the keys of the network, by safetensors' save_file";
}

/**
 * Reads tensors alone, from a state dict, a checkpoint that holds one, or a module; what is shared gets its own copy. TorchScript's
 * archives hold constants.pkl; `torch.load` has refused them since 2.6.
 */
const conversion =
  "import sys, torch, zipfile; from safetensors.torch import save_file; p = sys.argv[1]; " +
  "s = zipfile.is_zipfile(p) and any(n.endswith('/constants.pkl') for n in zipfile.ZipFile(p).namelist()); " +
  "d = torch.jit.load(p, 'cpu') if s else torch.load(p, map_location='cpu', weights_only=True); " +
  "d = d.state_dict() if hasattr(d, 'state_dict') else d.get('state_dict', d.get('model', d)); " +
  "save_file({k: v.clone().contiguous() for k, v in d.items() if torch.is_tensor(v)}, sys.argv[2])";

function conversionOfPyTorch(path: string): string {
  const target = `${path.replace(/(\.(pth|pt|bin|ckpt|pkl|tar))+$/, "")}.safetensors`;
  return `convert it by Python with PyTorch and safetensors, then take ${target}:\n\npython3 -c "${conversion}" ${quoted(path)} ${quoted(target)}`;
}

/** As one word of a shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
