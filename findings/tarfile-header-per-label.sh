#!/usr/bin/env bash
# package: webdataset 1.0.2 (PyPI), which writes with Python's tarfile (3.11)
# guess:   a label of one byte takes a header and a block of data, 1,024 bytes of a shard
# happens: the writer stamps members with time.time(), and a time with a fraction does not fit a ustar header: tarfile's
#          default format puts an extended header before every member, so that it takes 2,048 bytes. ImageNet's labels
#          and JSON files fill 5 GB instead of 2.6
# output:  2048 bytes for '0' {'mtime': '1795886345.1981366'}
#          1024 bytes with mtime=0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet webdataset==1.0.2

cat >write.py <<'PYTHON'
import tarfile
import webdataset


def bytes_of_a_label(**options):
    with webdataset.TarWriter("shard.tar", **options) as writer:
        for number in range(2):
            writer.write({"__key__": str(number), "cls": number})
    with tarfile.open("shard.tar") as archive:
        first, second = archive.getmembers()
    return second.offset - first.offset, first.size, first.pax_headers


length, size, header = bytes_of_a_label()
print(length, "bytes for", size, "byte of data", header)
assert (length, size, list(header)) == (2048, 1, ["mtime"]), "shards no longer hold a header of the time"
length, _, _ = bytes_of_a_label(mtime=0)
print(length, "bytes with mtime=0")
assert length == 1024
PYTHON
venv/bin/python write.py
