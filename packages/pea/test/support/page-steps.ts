/** Pages that show how something is added to the project, taken at their word. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Files by their paths, and what to do in each: the whole of a new one, or lines to add and take away. */
export interface Step {
  path: string;
  blocks: { kind: string; text: string }[];
}

/** The steps that a page tells, in its order. */
export function stepsIn(text: string): Step[] {
  return text.split(/(?=[`[]packages\/)/).flatMap((part) => {
    const [, path] = /^[`[](packages\/[^`\]]+)/.exec(part) ?? [];
    const blocks = [...part.matchAll(/```(ts|diff)\n(.*?)```/gs)].map(([, kind = "", text = ""]) => ({
      kind,
      text,
    }));
    return path === undefined || blocks.length === 0 ? [] : [{ path, blocks }];
  });
}

/** Takes a step in a copy of the project; a file that is there, or a line that is not, is an error. */
export function take(root: string, { path, blocks }: Step): void {
  const file = join(root, path);
  for (const { kind, text } of blocks) {
    if (kind === "ts") {
      assert.ok(!existsSync(file), `${path} is there already`);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      continue;
    }
    const lines = text.trimEnd().split("\n");
    const side = (mark: string) =>
      lines
        .filter((line) => !line.startsWith(mark))
        .map((line) => line.slice(1))
        .join("\n");
    const source = readFileSync(file, "utf8");
    assert.equal(source.split(side("+")).length, 2, `${path} holds once:\n${side("+")}`);
    writeFileSync(
      file,
      source.replace(side("+"), () => side("-")),
    );
  }
}
