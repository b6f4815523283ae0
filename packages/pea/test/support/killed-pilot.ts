/**
 * A process that begins a pilot, or goes on with one, and is killed after some runs. A file tells which were trained, and
 * which had ended, as the folders of real runs do.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { advise } from "../../src/advise/advise.ts";
import { madeRuns } from "./made-pilot.ts";

const [, , recipeFile = "", output = "", runs = "", notes = "", count = ""] = process.argv;
const known = existsSync(notes) ? JSON.parse(readFileSync(notes, "utf8")).ended : [];
const { train, trained, ended } = madeRuns({ "SM75%": 1 }, undefined, new Set(known));
await advise({
  ...{ recipeFile, output, runs, train, seconds: 100 },
  signal: new AbortController().signal,
  onNote: () => {},
  watch: () => ({
    stop() {},
    onEnd() {
      writeFileSync(notes, JSON.stringify({ trained, ended: [...ended] }));
      if (trained.length === Number(count)) process.kill(process.pid, "SIGKILL");
    },
  }),
});
