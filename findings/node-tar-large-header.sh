#!/usr/bin/env bash
# package: tar 7.5.1 (npm, Node 20)
# guess:   an extended header is read whatever its length, since it holds the file's name (POSIX sets no limit; a Mac's
#          attributes and access lists make them long), or else an error says that it was not
# happens: one beyond 1 MiB (option maxMetaEntrySize) is passed over in silence: the file appears under the first 100
#          bytes of its name, in listing and in unpacking; no warning is emitted, not in strict mode either
# output:  1 KiB of attributes: a name of 131 bytes; 2 MiB: a name of 100 bytes; 0 warnings
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . tar@7.5.1

cat >write.py <<'PYTHON'
import io
import tarfile

with tarfile.open("attributes.tar", "w", format=tarfile.PAX_FORMAT) as archive:
    for letter, length in [("a", 2**10), ("b", 2**21)]:
        member = tarfile.TarInfo("folder/" + letter * 120 + ".jpg")
        member.size = 3
        member.pax_headers = {"SCHILY.xattr.user.note": "x" * length}
        archive.addfile(member, io.BytesIO(b"abc"))
PYTHON
python3 write.py
test "$(tar --list --file attributes.tar | awk '{ print length }' | xargs)" = "131 131"

cat >read.mjs <<'NODE'
import assert from "node:assert/strict";
import { list } from "tar";

const lengths = [];
const warnings = [];
const onReadEntry = ({ path }) => lengths.push(path.length);
await list({ file: "attributes.tar", strict: true, onReadEntry, onwarn: (code) => warnings.push(code) });
const [small, large] = lengths;
console.log(`1 KiB of attributes: a name of ${small} bytes; 2 MiB: a name of ${large} bytes; ${warnings.length} warnings`);
assert.deepEqual({ lengths, warnings }, { lengths: [131, 100], warnings: [] }, "node-tar reads long headers, or says so");
NODE
node read.mjs
