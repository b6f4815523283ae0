import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readSafetensors, TorchError } from "@pea/torch";

const folder = mkdtempSync(join(tmpdir(), "formats-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

/** What PyTorch and NumPy write. */
const program = `
import sys, numpy, pickle, torch
folder = sys.argv[1] + "/"
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
with torch.no_grad():
    net[0].weight.copy_(torch.arange(108).reshape(4, 3, 3, 3))
state = net.state_dict()
torch.save(state, folder + "weights.pth")
torch.save(state, folder + "before-1.6.pth", _use_new_zipfile_serialization=False)
torch.save({"epoch": 3, "state_dict": state, "best": torch.tensor(1.0)}, folder + "checkpoint.pth.tar")
torch.save({"epoch": 3, "model": state}, folder + "it's a model.bin")
torch.save({**state, "tied": state["0.weight"]}, folder + "tied.ckpt")
torch.jit.script(net).save(folder + "script.pt")
# PyTorch of today exports by a package that set-up does not install: the first fields, version and producer.
with open(folder + "network.onnx", "wb") as file: file.write(b"\\x08\\x08\\x12\\x07pytorch\\x1a\\x052.6.0")
numpy.savez(folder + "arrays.npz", a=numpy.zeros(3))
numpy.save(folder + "array.npy", numpy.zeros(3))
with open(folder + "list.pkl", "wb") as file: pickle.dump([1.0] * 100, file, protocol=4)
`;
before(() => execFileSync("/usr/bin/python3", ["-c", program, folder], { stdio: "pipe" }));

function refusal(name: string): string {
  try {
    readSafetensors(at(name));
  } catch (error) {
    assert.ok(error instanceof TorchError);
    return error.message;
  }
  throw new assert.AssertionError({ message: `${name} was read` });
}

describe("a file of PyTorch is refused with the line that converts it", () => {
  const kinds = {
    "weights.pth": ["a PyTorch file", "weights.safetensors", []],
    "before-1.6.pth": ["a pickle", "before-1.6.safetensors", []],
    "checkpoint.pth.tar": ["a PyTorch file", "checkpoint.safetensors", []],
    "it's a model.bin": ["a PyTorch file", "it's a model.safetensors", []],
    "tied.ckpt": ["a PyTorch file", "tied.safetensors", ["tied"]],
    "script.pt": ["a PyTorch file", "script.safetensors", []],
  } as const;
  for (const [name, [kind, converted, more]] of Object.entries(kinds))
    test(name, () => {
      const message = refusal(name);
      assert.ok(message.startsWith(`cannot read ${at(name)}: it is ${kind}`), message);
      assert.ok(message.includes(`then take ${at(converted)}:`), message);
      const line = message.split("\n").at(-1) ?? "";
      assert.match(line, /^python3 -c "/);
      execFileSync("bash", ["-c", line.replace("python3", "/usr/bin/python3 -W ignore")], {
        env: { ...process.env, PYTHONPATH: fileURLToPath(new URL("python", import.meta.url)) },
        stdio: "pipe",
      });
      const { tensors } = readSafetensors(at(converted));
      const batchNorm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
      const keys = ["0.weight", "0.bias", ...batchNorm.map((key) => `1.${key}`), ...more];
      assert.deepEqual([...tensors.keys()].sort(), keys.sort());
      assert.deepEqual(tensors.get("0.weight")?.shape, [4, 3, 3, 3]);
      assert.deepEqual(
        tensors.get("0.weight")?.toTypedArray(),
        Float32Array.from({ length: 108 }, (_, i) => i),
      );
    });
});

describe("a file of another kind is refused by its name", () => {
  const written = {
    "model.h5": ["\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0", /it is an HDF5 file, as Keras writes them/],
    "archive.safetensors": [
      `PK\x03\x04${"\0".repeat(22)}\x09\0\0\0notes.txtHello`,
      /it is a zip archive, not a safetensors file; write its weights into one/,
    ],
    "pointer.safetensors": [
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 46\n",
      /it is Git LFS's pointer to a file that was not fetched.*; run `git lfs pull` in its repository/,
    ],
    "page.safetensors": ["<!DOCTYPE html><html>", /it is a page of HTML.*download the file itself/],
  } as const;
  for (const [name, [text, message]] of Object.entries(written))
    test(name, () => {
      writeFileSync(at(name), text, "latin1");
      assert.match(refusal(name), message);
    });
  test("network.onnx", () =>
    assert.match(refusal("network.onnx"), /it is an ONNX file, not a safetensors file/));
  test("arrays.npz", () => assert.match(refusal("arrays.npz"), /it is an archive of NumPy arrays/));
  test("array.npy", () => assert.match(refusal("array.npy"), /it is a NumPy array/));
  test("list.pkl", () => assert.match(refusal("list.pkl"), /it is a pickle/));
});

test("what no first bytes tell is refused as no safetensors file, and a file cut short as such", () => {
  writeFileSync(at("noise"), Buffer.alloc(64, 0xee));
  assert.match(refusal("noise"), /its header claims \d+ bytes, the limit is \d+: not a safetensors file\?$/);
  const whole = readFileSync(at("weights.safetensors"));
  writeFileSync(at("cut.safetensors"), whole.subarray(0, 100));
  assert.match(
    refusal("cut.safetensors"),
    /its header claims \d+ bytes, but the file has only 100: is it truncated\?$/,
  );
});
