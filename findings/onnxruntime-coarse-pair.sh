#!/usr/bin/env bash
# package: onnxruntime 1.32.0, onnx 1.23.2 (PyPI, Python 3.11)
# guess:   what a pair of QuantizeLinear and DequantizeLinear has rounded coarsely, as 4 bits would, stays so behind a finer pair
# happens: ONNX Runtime takes the coarse pair out, by default and at the lowest level above none: what was to show how a
#          network does in 4 bits shows how it does in 8
# output:  different values of 201: 16 as written, 201 by default, 201 with basic optimization; largest difference: 0.0625
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

cat >pair.py <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

constants = [numpy_helper.from_array(np.float32(1 / 8), "coarse"), numpy_helper.from_array(np.float32(1 / 128), "fine"),
             numpy_helper.from_array(np.int8(0), "zero")]
nodes = [
    helper.make_node("QuantizeLinear", ["x", "coarse", "zero"], ["a"]),
    helper.make_node("DequantizeLinear", ["a", "coarse", "zero"], ["b"]),
    helper.make_node("QuantizeLinear", ["b", "fine", "zero"], ["c"]),
    helper.make_node("DequantizeLinear", ["c", "fine", "zero"], ["y"]),
]
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 201]) for name in "xy"]
graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
values = np.linspace(-0.99, 0.92, 201, dtype=np.float32)[None]


def answer(level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": values})[0]


levels = onnxruntime.GraphOptimizationLevel
plain, default, basic = (answer(level) for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_ALL, levels.ORT_ENABLE_BASIC))
count = [np.unique(each).size for each in (plain, default, basic)]
print(f"different values of 201: {count[0]} as written, {count[1]} by default, {count[2]} with basic optimization;",
      f"largest difference: {np.abs(plain - default).max():.4f}")
assert count[1] > count[0], "the coarse pair is computed"
PYTHON
venv/bin/python pair.py
