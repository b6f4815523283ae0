// JavaScript, since `node --test` loads its reporter before it registers tsx.
import { relative } from "node:path";
import { tap } from "node:test/reporters";

/**
 * Reporter for `node --test`: TAP, with what failed named once more right before the closing counts. Of a long log the end
 * is what one is shown.
 */
export default async function* failuresLast(source) {
  yield* tap(withFailures(source));
}

async function* withFailures(source) {
  const failures = [];
  for await (const event of source) {
    // A suite that failed for its subtests says nothing that they do not say.
    if (event.type === "test:fail" && event.data.details.error.failureType !== "subtestsFailed") {
      failures.push(describe(event.data));
    }
    if (event.type === "test:diagnostic" && /^tests \d+$/.test(event.data.message)) {
      for (const message of failures.splice(0)) {
        yield { type: "test:diagnostic", data: { nesting: 0, message } };
      }
    }
    yield event;
  }
}

function describe({ name, file, line, details: { error } }) {
  const [reason] = String(error.cause?.message ?? error.message).split("\n");
  return `failed: ${name} (${relative(".", file ?? "")}:${line}): ${reason}`;
}
