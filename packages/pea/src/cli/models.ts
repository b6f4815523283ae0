import { scope } from "@pea/torch";
import { createModel, listModels, modelInfo } from "../models/index.ts";
import { type Imports, importFiles } from "../recipe/import-file.ts";
import { type CommonOptions, formatTable, printResult } from "../terminal/output.ts";

/** `pea models`: the networks with their size at the input they are meant for. */
export async function runModels(options: CommonOptions & { import?: Imports }): Promise<void> {
  await importFiles(options.import);
  const models = listModels().map((entry) => {
    const [inputChannels] = entry.inputShape;
    const model = createModel(entry.name, { inputChannels, classes: entry.classes });
    const info = scope(() => modelInfo(model, entry.inputShape));
    model.dispose();
    return { ...entry, ...info };
  });
  printResult(options, { models }, () =>
    formatTable(
      ["name", "input", "classes", "parameters", "MACs", "sites", "description"],
      models.map((model) => [
        model.name,
        model.inputShape.join("×"),
        model.classes,
        model.parameters,
        model.macs,
        model.sites,
        model.description,
      ]),
    ),
  );
}
