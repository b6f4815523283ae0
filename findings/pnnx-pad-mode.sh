#!/usr/bin/env bash
# package: pnnx 20261020 (PyPI, Python 3.11; its program alone), read by ncnn 1.0.20261020
# guess:   zeros around an image become ncnn's Padding, or part of the convolution behind; a Pad without the attribute `mode`
#          is one of zeros, since ONNX says that "constant" is the default
# happens: without `mode` pnnx ends with code 0 and writes a layer `Pad`, which ncnn has not: it loads nothing. With
#          mode="constant" the same network becomes one convolution
# output:  without mode: code 0, Pad and Convolution, ncnn loads: no; with mode: code 0, Convolution, ncnn loads: yes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-deps pnnx==20261020
venv/bin/pip install --quiet ncnn==1.0.20261020 onnx==1.23.2 numpy==2.4.6

cat >convert.py <<'PYTHON'
import glob
import subprocess

import ncnn
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

[program] = glob.glob("venv/lib/python3*/site-packages/pnnx/pnnx")


def network(**mode):
    pads = numpy_helper.from_array(np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64), "pads")
    weight = numpy_helper.from_array(np.ones([4, 3, 3, 3], np.float32), "weight")
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["padded"], **mode),
        helper.make_node("Conv", ["padded", "weight"], ["y"], strides=[2, 2]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 16, 16])
    graph = helper.make_graph(nodes, "network", [x], [y], [pads, weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def convert(name, model):
    onnx.save(model, f"{name}.onnx")
    done = subprocess.run([program, f"{name}.onnx", "inputshape=[1,3,32,32]"], capture_output=True)
    layers = [line.split()[0] for line in open(f"{name}.ncnn.param").readlines()[3:]]
    loads = "yes" if ncnn.Net().load_param(f"{name}.ncnn.param") == 0 else "no"
    return f"code {done.returncode}, {' and '.join(layers)}, ncnn loads: {loads}"


without, given = convert("without", network()), convert("given", network(mode="constant"))
print(f"without mode: {without}; with mode: {given}")
assert without == "code 0, Pad and Convolution, ncnn loads: no", "pnnx knows the default mode"
assert given == "code 0, Convolution, ncnn loads: yes"
PYTHON
venv/bin/python convert.py
