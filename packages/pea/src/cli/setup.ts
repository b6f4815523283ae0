import { describeEngine, describeNccl } from "@pea/torch/binaries";
import { setUp } from "../setup/index.ts";
import { type CommonOptions, log, printResult } from "../terminal/output.ts";

/** `pea setup`: finds the engine and builds what is missing for it. */
export async function runSetup(options: CommonOptions): Promise<void> {
  const { engine, built, noNccl } = await setUp((line) => log(`- ${line}`));
  const { name, library } = engine;
  const value = { engine: name, library, built: built ?? null, nccl: noNccl === undefined };
  printResult(options, value, () =>
    [
      built === undefined
        ? `ready: ${describeEngine(engine)}, with binaries that load`
        : `ready: ${describeEngine(engine)}, with binaries built in ${built}`,
      `NCCL: ${describeNccl(noNccl)}`,
      ...(noNccl?.remedy === undefined ? [] : [`for NCCL: ${noNccl.remedy}`]),
    ].join("\n"),
  );
}
