/** `npm run image-folder -- DIR`: makes a data set of image files by class. */
import { parseArgs } from "node:util";
import { PeaError } from "@pea/core";
import { asksForHelp } from "./asks-for-help.ts";
import { makeImageFolder } from "./make-image-folder.ts";

const usage = "npm run image-folder -- DIR [--train N] [--val N] [--data-dir DIR]";

function readArguments() {
  try {
    const text = { type: "string" } as const;
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { train: text, val: text, "data-dir": text },
    });
    const [root, ...more] = positionals;
    if (root === undefined || more.length > 0) throw new Error("give one folder to make");
    const count = (name: "train" | "val") => {
      const value = values[name];
      if (value !== undefined && !/^[1-9]\d*$/.test(value))
        throw new Error(`--${name} is ${value}, but must be a whole number of at least 1`);
      return value === undefined ? {} : { [name]: Number(value) };
    };
    return { root, counts: { ...count("train"), ...count("val") }, dataDir: values["data-dir"] };
  } catch (error) {
    throw new PeaError(`${(error as Error).message}; ${usage}`, { kind: "usage" });
  }
}

async function main(): Promise<void> {
  if (asksForHelp(process.argv)) return console.log(usage);
  const { root, ...options } = readArguments();
  await makeImageFolder(root, options);
  console.log(
    `Train on them: npx pea-train train -c recipes/smoke/mobilenet-0.25.yaml --data-dir ${root} --pea SM75%`,
  );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof PeaError)) throw error;
  console.error(`image-folder: ${error.message}`);
  process.exitCode = error.kind === "usage" ? 2 : 1;
}
