/** Images beside a table of their labels, made known to the command `pea`; see docs/add-a-data-set.md. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { registerDataset, type SampleSource } from "pea-train";

/** Lines of `labels.csv` below its head: an image's file, its class and its part. */
function readTable(folder: string): { file: string; label: string; part: string }[] {
  const [, ...lines] = readFileSync(join(folder, "labels.csv"), "utf8").trim().split(/\r?\n/);
  return lines.map((line) => {
    const [file = "", label = "", part = ""] = line.split(",");
    return { file, label, part };
  });
}

registerDataset({
  name: "labels-csv",
  title: "images with labels.csv",
  images: "in files",
  layout: "images beside a labels.csv of lines file,class,part",
  isIn: ({ names }) => names.includes("labels.csv"),
  open(folder) {
    const table = readTable(folder);
    const classes = [...new Set(table.map(({ label }) => label))].sort();
    const partOf = (name: string): SampleSource => {
      const rows = table.filter(({ part }) => part === name);
      const fileOf = (index: number) => rows[index]?.file ?? "";
      return {
        classes,
        labels: Int32Array.from(rows, ({ label }) => classes.indexOf(label)),
        locate: (index) => ({ name: fileOf(index), path: join(folder, fileOf(index)) }),
        nameOf: fileOf,
      };
    };
    return { train: partOf("train"), test: partOf("test") };
  },
});
