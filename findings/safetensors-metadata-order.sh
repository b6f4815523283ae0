#!/usr/bin/env bash
# package: safetensors 0.6.2 (PyPI, Python 3.11)
# guess:   saving the same tensors with the same metadata gives the same bytes: tensors are written in a fixed order, so
#          that files can be told apart by their digest
# happens: the metadata go through a hash map whose order is drawn anew at each call; with eight keys nearly every save
#          is another file, within one process too. (One key, or none, is stable.)
# output:  20 saves, 20 digests; 20 saves without metadata, 1 digest
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet safetensors==0.6.2 numpy==2.2.6

cat >save.py <<'PYTHON'
from hashlib import sha256
import numpy
from safetensors.numpy import save


def digests(metadata):
    tensors = {"weight": numpy.zeros(2, numpy.float32), "bias": numpy.zeros(1, numpy.float32)}
    return {sha256(save(tensors, metadata=metadata)).hexdigest() for _ in range(20)}


many = digests({f"key{i}": str(i) for i in range(8)})
none = digests(None)
print(f"20 saves, {len(many)} digests; 20 saves without metadata, {len(none)} digest")
assert len(none) == 1
assert len(many) > 10, "safetensors writes metadata in one order now"
PYTHON
venv/bin/python save.py
