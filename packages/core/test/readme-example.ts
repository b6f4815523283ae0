import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { bundleForBrowser, runBare } from "./bundle.ts";

/** Runs a README's first example as a browser does; it must print what the comments behind its lines say. */
export async function assertReadmeExample(path: URL): Promise<void> {
  const code = /```js\n(.*?)```/s.exec(readFileSync(path, "utf8"))?.[1] ?? "";
  const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]);
  const printed: string[] = [];
  const { script } = await bundleForBrowser({ code });
  runBare(script, { console: { log: (...values: unknown[]) => printed.push(values.join(" ")) } });
  assert.ok(promised.length >= 5);
  assert.deepEqual(printed, promised);
}
