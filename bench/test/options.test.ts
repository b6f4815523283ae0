import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { parseOptions } from "../options.ts";

test("all options are off unless they are given", () => {
  const none = { quick: false, check: false, json: false, resume: false, filter: null, peers: "debian" };
  assert.deepEqual(parseOptions([]), none);
  assert.deepEqual(parseOptions(["--quick", "--filter", "step/", "--peers", "all"]), {
    ...none,
    quick: true,
    filter: /step\//,
    peers: "all",
  });
});

for (const [args, message] of [
  [["--fast"], /Unknown option '--fast'/],
  [["--peers", "jax"], /--peers is debian or all, not jax/],
  [["--resume", "--quick"], /--resume goes on with a run of everything/],
  [["--filter", "("], /Invalid regular expression/],
] as const)
  test(`ends with 2 before anything is measured: ${args.join(" ")}`, () => {
    const main = join(import.meta.dirname, "../main.ts");
    const node = ["--conditions=pea-source", "--import", "tsx", main];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...node, ...args], { encoding: "utf8" });
    assert.equal(status, 2, stderr);
    assert.match(stderr, message);
    assert.match(stderr, /^error: .*; see npm run bench -- --help$/m);
    assert.equal(stdout, "");
  });
