import { test } from "node:test";
import { assertReadmeExample } from "../../core/test/readme-example.ts";

test("the README's example prints what its comments say", () =>
  assertReadmeExample(new URL("../README.md", import.meta.url)));
