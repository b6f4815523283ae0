/** Makes results/targets and docs/targets.md: `npm run targets`. Networks that the record has with this Vela stay. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { setNumThreads } from "@pea/torch";
import { velaVersion } from "../../../src/export/ethos-u/vela.ts";
import { measureNetwork, networks } from "./measure-networks.ts";
import { measureActivations, measureOperators } from "./measure-operators.ts";
import { measureUnwritten } from "./measure-unwritten.ts";
import { writePages } from "./pages.ts";
import { type NetworkRecord, readRecords, recordsOf, resultsFolder, type TargetRecord } from "./records.ts";

setNumThreads(1);
const vela = process.env.PEA_VELA ?? "vela";
const python = process.env.PEA_EMBEDDED_PYTHON ?? "python3";
const file = `${resultsFolder}/results.jsonl`;
const say = (line: string) => process.stderr.write(`${line}\n`);

const version = await velaVersion({ vela });
const known = existsSync(file) ? recordsOf(readRecords(), "network") : [];
const fresh = known.filter(({ by }) => by.startsWith(`Vela ${version} `));

say("operators and activations");
const found: TargetRecord[] = [
  { kind: "versions", versions: versions() },
  ...(await measureOperators(vela)),
  ...measureUnwritten(),
  ...measureActivations(),
];
const measured: NetworkRecord[] = [];
const names = Object.keys(networks);
for (const [place, network] of names.entries()) {
  const kept = fresh.filter((record) => record.network === network);
  say(kept.length > 0 ? `${network}: kept` : network);
  measured.push(...(kept.length > 0 ? kept : await measureNetwork(network, vela)));
  // Those to come stay in the record, so that a run that is interrupted here loses none.
  const later = names.slice(place + 1);
  write([...found, ...measured, ...fresh.filter((record) => later.includes(record.network))]);
}
writePages(readRecords());

function write(records: readonly TargetRecord[]): void {
  mkdirSync(resultsFolder, { recursive: true });
  writeFileSync(file, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
}

/** Of Python's packages, as it has them installed, and of ONNX Runtime. */
function versions(): Record<string, string> {
  const packages = ["ethos-u-vela", "ai-edge-litert", "tflite-micro"];
  const program = `import importlib.metadata as m, json; print(json.dumps({p: m.version(p) for p in ${JSON.stringify(packages)}}))`;
  const { version: onnxRuntime } = JSON.parse(
    execFileSync(process.execPath, ["-p", 'JSON.stringify(require("onnxruntime-node/package.json"))'], {
      encoding: "utf8",
      cwd: import.meta.dirname,
    }),
  ) as { version: string };
  const ofPython = JSON.parse(execFileSync(python, ["-c", program], { encoding: "utf8" })) as Record<
    string,
    string
  >;
  return { ...ofPython, "onnxruntime-node": onnxRuntime };
}
