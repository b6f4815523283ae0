#!/usr/bin/env node
import { main } from "../dist/cli/main.js";
import { outliveReaders } from "../dist/terminal/output.js";

outliveReaders();
process.exitCode = await main(process.argv.slice(2));
