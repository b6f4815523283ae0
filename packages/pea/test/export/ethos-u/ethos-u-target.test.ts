import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Conv2d, manualSeed, ReLU, randn, Sequential, setNumThreads } from "@pea/torch";
import { exportNetwork, type NetworkOptions } from "../../../src/export/export.ts";
import { readTflite } from "../../support/tflite-reader.ts";
import { temporaryFolder } from "../../support/tiny-data.ts";

setNumThreads(1);
const folder = temporaryFolder();
/** Where commands are, but no Vela that somebody has installed. */
const withoutVela = "/usr/bin:/bin";
process.env.PATH = withoutVela;

/** A long stride, and a dilated column. */
const network = () =>
  new Sequential(
    new Conv2d(3, 8, 8, { stride: 4, padding: 2 }),
    new ReLU(),
    new Conv2d(8, 8, [3, 1], { dilation: [8, 1], padding: [8, 0] }),
    new ReLU(),
  );

async function exported(path: string, form: Partial<NetworkOptions>) {
  manualSeed(2);
  return exportNetwork(network(), path, {
    target: "ethos-u55",
    inputs: randn([4, 3, 64, 64]),
    trainingImages: randn([4, 3, 64, 64]),
    ...form,
  });
}

/** Without training images, which are missed once nothing else is refused. */
const uncalibrated = (form: Partial<NetworkOptions>) =>
  exportNetwork(network(), join(folder, "uncalibrated"), {
    target: "ethos-u55",
    inputs: randn([1, 3, 64, 64]),
    ...form,
  });

describe("without Vela", () => {
  test("what is written has neither dilations nor long strides, and says so", async () => {
    const path = join(folder, "plain");
    const { verified } = await exported(path, {});
    assert.deepEqual(readdirSync(path).sort(), ["golden", "model.tflite", "npu.json"]);
    const { operators } = readTflite(readFileSync(join(path, "model.tflite")));
    for (const operator of operators.filter(({ name }) => name === "CONV_2D")) {
      assert.deepEqual([operator.option(1, "int"), operator.option(2, "int")], [1, 1]);
      // 1 is left out of the file.
      assert.deepEqual([operator.option(4, "int"), operator.option(5, "int")], [0, 0]);
    }
    const lines = verified.join("\n");
    assert.match(
      lines,
      /to the same bytes: 1 dilated layer as a reshape, 1 layer of long strides over blocks of pixels/,
    );
    assert.match(lines, /ethos-u55-128 takes every operator, as far as our table tells/);
    assert.match(
      lines,
      /not compiled for the chip, and no cycles told: there is no command vela; install it .* with --vela PATH/,
    );
  });

  test("a number of multiply-accumulates that the chip has not, and a command that is not there or cannot be run, are usage errors", async () => {
    const path = join(folder, "refused");
    await assert.rejects(exported(path, { macs: 100 }), {
      kind: "usage",
      message: "macs is 100, but the Ethos-U55 has 32, 64, 128, 256",
    });
    await assert.rejects(exported(path, { vela: join(folder, "no-vela") }), {
      kind: "usage",
      message: /there is no command .*no-vela; install it/,
    });
    await assert.rejects(exported(path, { vela: folder }), {
      kind: "usage",
      message: `${folder} cannot be run (EACCES); name the command of Vela with --vela PATH (pip install ethos-u-vela)`,
    });
    await assert.rejects(exported(path, { memoryMode: "Sram_Only" }), {
      kind: "usage",
      message: /there is no command vela; install it/,
    });
    assert.ok(!existsSync(path));
  });

  test("another program, which prints no version of Vela, is a usage error", async () => {
    const another = (name: string, script: string) => {
      const vela = join(folder, name);
      writeFileSync(vela, `#!/bin/bash\n${script}\n`, { mode: 0o755 });
      return vela;
    };
    for (const [name, script, printed] of [
      ["true", "echo 'true (GNU coreutils) 9.1'; echo Copyright", '"true (GNU coreutils) 9.1"'],
      ["silent", "exit 0", "nothing"],
    ] as const) {
      const vela = another(name, script);
      await assert.rejects(uncalibrated({ vela }), {
        kind: "usage",
        message: `${vela} prints no version of Vela, but ${printed} (${vela} --version); name the command of Vela with --vela PATH (pip install ethos-u-vela)`,
      });
    }
  });
});

describe("with Vela", () => {
  /** A command that is called as Vela is, and answers as it does. */
  function velaThat(script: string): string {
    const path = join(folder, `vela-${Math.abs(script.length)}`);
    writeFileSync(path, `#!/usr/bin/env bash\n[[ $1 == --version ]] && { echo 5.2.0; exit; }\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** For one accelerator. */
  const answering = (accelerator: string) => `
[[ $2 == --accelerator-config && $3 == ${accelerator} && $4 == --output-dir ]] || exit 3
mkdir -p "$5"; cp "$1" "$5/model_vela.tflite"
echo "CPU operators = 1 (10.0%)"; echo "NPU operators = 9 (90.0%)"
printf 'accelerator_configuration,system_config,memory_mode,inference_time,sram_memory_used,off_chip_flash_memory_used,cycles_npu,cycles_total\\nEthos_U55_256,Some_System,Shared_Sram,0.00125,2.5,10,1000,1234\\n' > "$5/model_summary.csv"`;

  test("its file and what it says are kept and told", async () => {
    const vela = velaThat(answering("ethos-u55-256"));
    const path = join(folder, "compiled");
    const { verified, ...proof } = await exported(path, { macs: 256, vela });
    assert.deepEqual(readdirSync(path).sort(), ["golden", "model.tflite", "model_vela.tflite", "npu.json"]);
    const lines = verified.join("\n");
    assert.match(lines, /Vela places 9 of 10 operators \(90\.0 %\) on the NPU/);
    assert.match(
      lines,
      /estimated for Ethos_U55_256, Some_System, Shared_Sram: 1000 cycles of the NPU, 1234 with memory, 1\.250 ms/,
    );
    assert.equal((proof as unknown as { npu: { vela: { sramBytes: number } } }).npu.vela.sramBytes, 2560);
    await exported(path, {});
    assert.ok(!existsSync(join(path, "model_vela.tflite")), "what was compiled of another file stays");
  });

  test("it is told the system configuration and the memory mode that are named", async () => {
    const vela = velaThat(
      `[[ "\${@:6}" == "--system-config Some_System --memory-mode Shared_Sram" ]] || exit 4${answering("ethos-u55-128")}`,
    );
    const { verified } = await exported(join(folder, "circumstances"), {
      vela,
      systemConfig: "Some_System",
      memoryMode: "Shared_Sram",
    });
    assert.match(verified.join("\n"), /Vela places 9 of 10 operators/);
  });

  test("a system configuration and a memory mode that it does not know are refused before any image is asked for", async () => {
    const vela = velaThat('echo "Error: Section $7 not found in Vela config file" >&2; exit 1');
    for (const form of [{ systemConfig: "Nope" }, { memoryMode: "Nope" }])
      await assert.rejects(uncalibrated({ vela, ...form }), {
        kind: "usage",
        message:
          "Vela does not compile the network for ethos-u55-128: Error: Section Nope not found in Vela config file (tried on a network of one ReLU)",
      });
  });

  test("what is on the processor is told with the reason", async () => {
    manualSeed(2);
    const strided = new Sequential(new Conv2d(8, 8, 5, { stride: 4, groups: 8 }), new ReLU());
    const { verified } = await exportNetwork(strided, join(folder, "beside"), {
      target: "ethos-u55",
      inputs: randn([4, 8, 32, 32]),
      trainingImages: randn([4, 8, 32, 32]),
      vela: velaThat(answering("ethos-u55-128")),
    });
    assert.match(
      verified.join("\n"),
      /90\.0 %\) on the NPU\non the processor: Conv in 0: its strides of 4×4 are above 3\nestimated for/,
    );
  });

  describe("that nobody named, but is there", () => {
    const has = (script: string) => {
      const bin = join(folder, "bin");
      mkdirSync(bin, { recursive: true });
      writeFileSync(join(bin, "vela"), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
      process.env.PATH = `${bin}:${withoutVela}`;
    };
    after(() => {
      process.env.PATH = withoutVela;
    });

    test("compiles the file", async () => {
      has(answering("ethos-u55-128"));
      const path = join(folder, "found");
      const { verified } = await exported(path, {});
      assert.ok(existsSync(join(path, "model_vela.tflite")));
      assert.match(verified.join("\n"), /Vela places 9 of 10 operators/);
    });

    test("and fails, costs the compiled file alone: its last words are told", async () => {
      has("echo 'Error: Stride is not supported' >&2; exit 1");
      const path = join(folder, "not-compiled");
      const { verified } = await exported(path, {});
      assert.deepEqual(readdirSync(path).sort(), ["golden", "model.tflite", "npu.json"]);
      assert.match(
        verified.join("\n"),
        /not compiled for the chip, and no cycles told: Vela does not compile the network for ethos-u55-128: Error: Stride is not supported/,
      );
    });
  });

  test("where it fails, nothing is written, and its last words are told", async () => {
    const vela = velaThat("echo 'Error: Stride is not supported' >&2; exit 1");
    const path = join(folder, "failed");
    await assert.rejects(
      exported(path, { vela }),
      /Vela does not compile the network for ethos-u55-128: Error: Stride is not supported/,
    );
    assert.ok(!existsSync(path));
  });
});
