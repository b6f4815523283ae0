import { describeEngine } from "@pea/torch/binaries";
import { setUp } from "../setup/index.ts";
import { type CommonOptions, log, printResult } from "../terminal/output.ts";

/** `pea setup`: finds the engine and builds what is missing for it. */
export async function runSetup(options: CommonOptions): Promise<void> {
  const { engine, built } = await setUp((line) => log(`- ${line}`));
  printResult(options, { engine: engine.name, library: engine.library, built: built ?? null }, () =>
    built === undefined
      ? `ready: ${describeEngine(engine)}, with binaries that load`
      : `ready: ${describeEngine(engine)}, with binaries built in ${built}`,
  );
}
