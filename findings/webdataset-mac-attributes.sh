#!/usr/bin/env bash
# package: webdataset 1.0.2 (PyPI, Python 3.11)
# guess:   the files ._0.jpg that a Mac's tar puts beside 0.jpg (its attributes) have no key, since nothing stands before
#          their first dot, and are passed over; or they are a sample "._0"
# happens: in a folder the pattern lets the key be the folder: they become samples of the key "a/" whose one file ends in
#          "_0.jpg", one before each real sample, so that a set of two images counts four samples
# output:  [('a/', '_0.jpg'), ('a/0', 'cls,jpg'), ('a/', '_1.jpg'), ('a/1', 'cls,jpg')]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet webdataset==1.0.2

cat >read.py <<'PYTHON'
import io
import tarfile
import webdataset

with tarfile.open("shard.tar", "w") as archive:
    for number in "01":
        for name in [f"a/._{number}.jpg", f"a/{number}.cls", f"a/{number}.jpg"]:
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"0"))

samples = webdataset.WebDataset("shard.tar", shardshuffle=False)
seen = [(s["__key__"], ",".join(sorted(k for k in s if not k.startswith("__")))) for s in samples]
print(seen)
expected = [("a/", "_0.jpg"), ("a/0", "cls,jpg"), ("a/", "_1.jpg"), ("a/1", "cls,jpg")]
assert seen == expected, "webdataset passes over the attributes of a Mac's tar"
PYTHON
venv/bin/python read.py
