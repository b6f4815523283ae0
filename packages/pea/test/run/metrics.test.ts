import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { MetricsLog, type MetricsRow, readMetrics } from "../../src/run/metrics.ts";

const directory = join(mkdtempSync(join(tmpdir(), "metrics-")), "run");
after(() => rmSync(join(directory, ".."), { recursive: true }));
const paths = { metrics: join(directory, "metrics.jsonl"), summary: join(directory, "summary.csv") };
beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
});

const rows: MetricsRow[] = [
  { kind: "interval", step: 10, loss: 2.3 },
  { kind: "epoch", step: 20, epoch: 1, top1: 0.5 },
  { kind: "interval", step: 30, loss: 1.5 },
  { kind: "epoch", step: 40, epoch: 2, top1: 0.75 },
];

function write(some: readonly MetricsRow[], resumedAt?: number): void {
  const log = new MetricsLog(paths, resumedAt);
  for (const row of some) log.append(row);
  log.flush();
  log.close();
}

function contents(): string[] {
  return [paths.metrics, paths.summary].map((path) => readFileSync(path, "utf8"));
}

describe("the metrics of a run", () => {
  it("are one JSON object per line", () => {
    write(rows);
    assert.equal(
      readFileSync(paths.metrics, "utf8").split("\n")[0],
      '{"kind":"interval","step":10,"loss":2.3}',
    );
    assert.deepEqual(readMetrics(paths.metrics), rows);
  });

  it("are readable as soon as a row is appended", () => {
    const log = new MetricsLog(paths);
    log.append(rows[0] as MetricsRow);
    assert.deepEqual(readMetrics(paths.metrics), rows.slice(0, 1));
    log.close();
  });

  it("store numbers that are not finite as null", () => {
    write([{ kind: "interval", step: 1, loss: Number.NaN }]);
    assert.deepEqual(readMetrics(paths.metrics), [{ kind: "interval", step: 1, loss: null }]);
  });

  it("have a table of the epochs", () => {
    write(rows);
    assert.equal(readFileSync(paths.summary, "utf8"), "step,epoch,top1\n20,1,0.5\n40,2,0.75\n");
  });

  it("have a table with a column for every name, quoted where CSV needs it", () => {
    write([
      { kind: "epoch", step: 1, loss: Number.POSITIVE_INFINITY },
      { kind: "epoch", step: 2, phase: 'a "b", c', loss: 1 },
    ]);
    assert.equal(readFileSync(paths.summary, "utf8"), 'step,loss,phase\n1,,\n2,1,"a ""b"", c"\n');
  });
});

describe("the metrics of a run that goes on", () => {
  for (const resumedAt of [0, 10, 15, 20, 30, 40])
    it(`after step ${resumedAt} are those of a run never interrupted`, () => {
      write(rows);
      const whole = contents();
      const missing = rows.filter((row) => row.step > resumedAt);
      write(missing, resumedAt);
      assert.deepEqual(contents(), whole);
    });

  it("are whole again after a killed process left half a line", () => {
    write(rows);
    const whole = contents();
    writeFileSync(paths.metrics, (whole[0] as string).slice(0, -20));
    write(rows.slice(2), 20);
    assert.deepEqual(contents(), whole);
  });

  it("lose a last line without its end, even one that could be read", () => {
    write(rows.slice(0, 1));
    appendFileSync(paths.metrics, '{"kind":"interval","step":2}');
    assert.deepEqual(readMetrics(paths.metrics), rows.slice(0, 1));
  });

  it("of a new run in the same place start anew", () => {
    write(rows);
    write(rows.slice(0, 2));
    assert.deepEqual(readMetrics(paths.metrics), rows.slice(0, 2));
  });
});

describe("metrics are refused", () => {
  for (const line of ["not JSON", "17", "null", '{"step":1}', '{"kind":"epoch"}'])
    it(`with the line ${line}`, () => {
      writeFileSync(paths.metrics, `{"kind":"interval","step":1}\n${line}\n{"kind":"interval","step":2}\n`);
      assert.throws(() => readMetrics(paths.metrics), {
        name: "PeaError",
        message: `${paths.metrics}, line 2 is not a row of metrics: ${line}`,
      });
    });
  it("when the file is missing", () => {
    assert.throws(() => readMetrics(paths.metrics), { name: "PeaError", message: /cannot read .*ENOENT/ });
  });
  it("by a full disk, which leaves the old files whole", () => {
    write(rows);
    const whole = contents();
    symlinkSync("/dev/full", `${paths.metrics}.tmp`);
    assert.throws(() => new MetricsLog(paths, 20), /cannot write .*metrics\.jsonl.*ENOSPC/);
    assert.deepEqual(contents(), whole);
  });
});
