import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a command that answers as Vela does is to say. */
export interface FakeVela {
  /** Lines of a shell that run before it answers; `$1` is the file, `$count` how many it has seen before. */
  readonly first?: string;
  /** Lines that tell its version. */
  readonly version?: string;
}

/**
 * A command that is called as Vela is, and answers as it does: it keeps the files that it is given as 0.tflite, 1.tflite, … in
 * the folder, and says of file n that it takes 1000 · (n + 1) cycles.
 */
export function fakeVela(folder: string, { first = "", version = "echo 9.8.7" }: FakeVela = {}): string {
  const path = join(folder, "vela");
  const header =
    "accelerator_configuration,system_config,memory_mode,inference_time,sram_memory_used,off_chip_flash_memory_used,cycles_npu,cycles_total";
  writeFileSync(
    path,
    `#!/usr/bin/env bash
[[ $1 == --version ]] && { ${version}; exit; }
count=$(ls "${folder}" | grep -c 'tflite$')
cp "$1" "${folder}/$count.tflite"
${first}
mkdir -p "$5"; cp "$1" "$5/model_vela.tflite"
echo "CPU operators = 1 (10.0%)"; echo "NPU operators = $((count + 9)) (90.0%)"
printf '${header}\\n%s,Some_System,Shared_Sram,0.002,2,10,%d,5000\\n' "$3" $((1000 * (count + 1))) > "$5/model_summary.csv"
`,
  );
  chmodSync(path, 0o755);
  return path;
}
