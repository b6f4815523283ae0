#!/usr/bin/env bash
# package: webdataset 1.0.2 (PyPI, Python 3.11); the shard by GNU tar 1.34
# guess:   a file that is packed twice under two names (hard links, as in a set where a class was repeated to balance it)
#          is read twice: tar stores the second name as a link, and Python's tarfile reads a link's content
# happens: webdataset takes regular members alone; the second sample comes without its image, and nothing is said
# output:  [('0', ['cls', 'jpg']), ('1', ['cls'])]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet webdataset==1.0.2

mkdir data
printf image >data/0.jpg
ln data/0.jpg data/1.jpg
printf 0 >data/0.cls
printf 0 >data/1.cls
tar --create --file shard.tar --directory data 0.cls 0.jpg 1.cls 1.jpg

cat >read.py <<'PYTHON'
import tarfile
import webdataset

samples = webdataset.WebDataset("shard.tar", shardshuffle=False)
seen = [(s["__key__"], sorted(k for k in s if not k.startswith("__"))) for s in samples]
print(seen)
with tarfile.open("shard.tar") as archive:
    assert archive.extractfile("1.jpg").read() == b"image"
assert seen == [("0", ["cls", "jpg"]), ("1", ["cls"])], "webdataset reads the link, or refuses it"
PYTHON
venv/bin/python read.py
