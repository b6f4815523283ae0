import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Table } from "../../src/tables/layout.ts";
import { paperTable } from "../../src/tables/table.ts";
import { tableFormats } from "../../src/tables/table-format.ts";
import { resultsOf } from "../support/results.ts";

const relu = [90, 90.3, 90.2];
const study = [
  ...resultsOf("ReLU", relu),
  ...resultsOf("SM75%", [91, 91.35, 91.2]),
  ...resultsOf("SG96%", [90.2, 90.1, 90.3]),
];

describe("Markdown", () => {
  test("has the caption, a row a network, and the notes", () => {
    const [table] = paperTable(4);
    assert.equal(
      tableFormats.markdown(table as Table),
      `**Table 4: top-1 accuracy in percent on ImageNet: ReLU, ReLU with PEA and the upper limit**

| Network | ReLU | ReLU PEA | Upper limit |
| --- | ---: | ---: | ---: |
| AlexNet-BN | 60.74 | 61.57 (WG90) | 62.35 (G) |
| ResNet-18 | 70.31 | 70.51 (WG90) | 70.89 (S) |
| ERFNet | 66.35 | 66.70 (SG90) | 67.10 (M) |
| MobileNet-0.25 | 51.17 | 51.77 (SM90) | 53.40 (S) |

Paper: each figure is the mean of 5 runs; their spread is not given.`,
    );
  });

  test("marks what the seeds carry, and leaves the rest unmarked", () => {
    const text = paperTable(2, study).map(tableFormats.markdown).join();
    assert.match(text, /^\| Network \| Source \| Baseline \| PEA-GELU 96% \| PEA-Mish 75% \|$/m);
    assert.match(
      text,
      /^\| mobilenet-0\.25-small \| here, best \| 90\.17 ± 0\.15 \| 90\.20 ± 0\.10 \| 91\.18 ± 0\.18 ↑ \|$/m,
    );
  });

  test("shows gains with their sign", () => {
    assert.match(paperTable(5).map(tableFormats.markdown).join(), /\| \+0\.13 \| \+0\.21 \| −0\.05 \|/);
  });

  test("keeps a bar in a name from ending the cell", () => {
    const text = paperTable(2, resultsOf("SM75%", [91], { network: "a|b" }))
      .map(tableFormats.markdown)
      .join();
    assert.match(text, /^\| a\\\|b \| here, best \| – \| 91\.00 \|$/m);
  });
});

test("LaTeX groups the columns and escapes what it would take for commands", () => {
  const text = paperTable(2, study).map(tableFormats.latex).join();
  assert.match(text, /^\\caption\{top-1 accuracy in percent on Fashion-MNIST with/m);
  assert.match(text, /^\\begin\{tabular\}\{llrrr\}$/m);
  assert.match(
    text,
    /^ & {2}& \\multicolumn\{1\}\{c\}\{\} & \\multicolumn\{1\}\{c\}\{PEA-GELU\} & \\multicolumn\{1\}\{c\}\{PEA-Mish\} \\\\$/m,
  );
  assert.match(text, /^Network & Source & Baseline & 96\\% & 75\\% \\\\$/m);
  assert.match(text, /& 90\.17 \$\\pm\$ 0\.15 & .* & 91\.18 \$\\pm\$ 0\.18 \$\\uparrow\$ \\\\$/m);
  assert.match(paperTable(3).map(tableFormats.latex).join(), /\\multicolumn\{2\}\{c\}\{PEA-Swish\}/);
  assert.doesNotMatch(text, /[±↑↓−–]|[^$]</);
});

test("CSV has a row of numbers for each statistic", () => {
  const lines = paperTable(4, study).map(tableFormats.csv).join().split("\n");
  assert.equal(lines[0], "Data set,Network,Source,Statistic,ReLU,ReLU PEA,Upper limit");
  const start = 'fashion-mnist,mobilenet-0.25-small,"here, best"';
  assert.equal(lines[1], `${start},variant,ReLU,SM75%,`);
  assert.equal(lines[2], `${start},mean,90.16666667,91.18333333,`);
  assert.equal(lines[3], `${start},standard deviation,0.1527525232,0.1755942292,`);
  assert.equal(lines[4], `${start},runs,3,3,`);
  assert.match(lines[5] as string, /,"difference, lower 95 %",,0\.944\d+,$/);
  assert.match(lines[6] as string, /,"difference, upper 95 %",,1\.088\d+,$/);
  assert.match(lines[7] as string, /^fashion-mnist,.*,"p, paired, corrected",,0\.000\d+,$/);
  assert.deepEqual(
    paperTable(2).map(tableFormats.csv).join().split("\n").slice(1, 3),
    ["mean", "runs"].map(
      (title) =>
        `imagenet,AlexNet-BN,${title},${title === "mean" ? "60.74,61.19,61.29,61.21,61.02,61.14,61.15" : "5,5,5,5,5,5,5"}`,
    ),
  );
});
