import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bundleForBrowser, runBare } from "../../core/test/bundle.ts";

test("the README's example prints what its comments say", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```js\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]);
  const printed: string[] = [];
  const { script } = await bundleForBrowser({ code });
  runBare(script, { console: { log: (...values: unknown[]) => printed.push(values.join(" ")) } });
  assert.ok(promised.length >= 5);
  assert.deepEqual(printed, promised);
});
