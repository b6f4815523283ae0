#!/usr/bin/env bash
# package: onnx 1.23.2 and onnxruntime 1.30.0 (PyPI, Python 3.11)
# guess:   Resize gives ⌊size · scale⌋ elements, and who infers shapes comes to the size that is computed
# happens: onnx multiplies the float32 scale in double, ONNX Runtime in float32: where the product is a whole number but for
#          rounding, the inferred size is one too small
# output:  10 · 0.7: inferred 6, computed 7; 20 · 2.3: inferred 45, computed 46; 30 · 3.3: inferred 98, computed 99
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnx==1.23.2 onnxruntime==1.30.0

cat >resize.py <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, shape_inference


def sizes(size, scale):
    scales = helper.make_tensor("scales", TensorProto.FLOAT, [3], [1, 1, scale])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, size])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, None])
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest")
    graph = helper.make_graph([node], "network", [x], [y], [scales])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=10)
    checker.check_model(model, full_check=True)
    inferred = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[2].dim_value
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"x": np.ones([1, 1, size], np.float32)})
    return inferred, answer.shape[2]


seen = {(size, scale): sizes(size, scale) for size, scale in ((10, 0.7), (20, 2.3), (30, 3.3))}
print("; ".join(f"{size} · {scale}: inferred {a}, computed {b}" for (size, scale), (a, b) in seen.items()))
assert [*seen.values()] == [(6, 7), (45, 46), (98, 99)], "onnx and ONNX Runtime agree, or differ otherwise"
assert sizes(10, 0.5) == (5, 5)
PYTHON
venv/bin/python resize.py
