#!/usr/bin/env bash
# package: tfrecord 1.14.6 (PyPI, Python 3.11)
# guess:   a feature of several byte strings is read as a list of what was written
# happens: it becomes an array of numpy's fixed-width strings, which end before their last zeros: raw pixels, masks and
#          numbers lose their dark or small ends. A feature of one string is whole, so that small tests do not show it
# output:  one value:  b'\x01\x02\x00\x00'
#          two values: [b'\x01\x02', b'\x03']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet tfrecord==1.14.6 numpy==2.2.6 protobuf==6.33.0

cat >read.py <<'PYTHON'
import tfrecord

masks = [b"\x01\x02\x00\x00", b"\x03\x00\x00\x00"]
writer = tfrecord.TFRecordWriter("masks.tfrecord")
writer.write({"mask": (masks[0], "byte")})
writer.write({"mask": (masks, "byte")})
writer.close()

one, two = [record["mask"] for record in tfrecord.tfrecord_loader("masks.tfrecord", None)]
print("one value: ", one)
print("two values:", [bytes(value) for value in two])
assert one == masks[0]
assert list(two) == [b"\x01\x02", b"\x03"], "tfrecord keeps zeros at the end of values"
PYTHON
venv/bin/python read.py
