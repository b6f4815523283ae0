// What the load of libtorch, and of all that it brings along, leaves of the process as it was.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const packageRoot = fileURLToPath(new URL("..", import.meta.url));

/** Runs a script, a module, in a process of its own, which it makes load the package by `await load()`. */
function run(script: string, environment: NodeJS.ProcessEnv = {}) {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...["--conditions=pea-source", "--import", "tsx", "--input-type=module"],
      ...["-e", `const load = () => import("@pea/torch");${script}`],
    ],
    { cwd: packageRoot, env: { ...process.env, ...environment }, encoding: "utf8" },
  );
  return { status, signal, stdout, stderr };
}

/** The value of an expression before and after the load. */
function beforeAndAfter(look: string, environment?: NodeJS.ProcessEnv): [before: unknown, after: unknown] {
  const { stdout, stderr } = run(
    `import { readFileSync } from "node:fs";
    const look = () => ${look};
    const before = look();
    await load();
    console.log(JSON.stringify([before, look()]));`,
    environment,
  );
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

describe("the load of libtorch", () => {
  it("leaves libc's code as it is in its file: no page of it is written to", () => {
    // A mapping's head line, then its figures, one a line.
    const [before, after] = beforeAndAfter(`
      readFileSync("/proc/self/smaps", "latin1").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
        .filter((mapping) => /^\\S+ r-x.*\\/libc\\.so\\.6$/m.test(mapping))
        .map((mapping) => mapping.match(/^Private_Dirty:.*/m)[0].replace(/ +/, " "))`);
    assert.deepEqual(before, ["Private_Dirty: 0 kB"]);
    assert.deepEqual(after, before);
  });

  it("takes no signal", () => {
    const [before, after] = beforeAndAfter(`
      readFileSync("/proc/self/status", "latin1").match(/^Sig(Cgt|Ign):.*/gm)`);
    assert.deepEqual(after, before);
  });

  it("leaves WebAssembly its errors out of bounds", () => {
    // (module (memory 1) (func (export "read") (param i32) (result i32) local.get 0 i32.load))
    const { stdout, stderr } = run(`
      await load();
      const code = "AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAQcIAQRyZWFkAAAKCQEHACAAKAIACw==";
      const { instance } = await WebAssembly.instantiate(Buffer.from(code, "base64"));
      try {
        instance.exports.read(0x7fffff00);
      } catch (error) {
        console.log(String(error));
      }`);
    assert.equal(stdout, "RuntimeError: memory access out of bounds\n", stderr);
  });

  it("lets a process end with its terminal, by SIGHUP", () => {
    const { signal } = run(`
      await load();
      process.kill(process.pid, "SIGHUP");
      process.exit();`);
    assert.equal(signal, "SIGHUP");
  });

  it("leaves the environment without settings of UCX, but for the user's own", () => {
    const [before, after] = beforeAndAfter(
      'Object.entries(process.env).filter(([name]) => name.startsWith("UCX_"))',
      { UCX_MEM_EVENTS: "no" },
    );
    assert.deepEqual(before, [["UCX_MEM_EVENTS", "no"]]);
    assert.deepEqual(after, before);
  });
});
