#!/usr/bin/env bash
# package: onnx 1.23.2 and onnxruntime 1.30.0 (PyPI, Python 3.11)
# guess:   a pool with ceil_mode has the shape that onnx infers, whichever opset the file is of: the operator's formula is the same
#          from opset 11 to 21
# happens: below opset 22 onnx counts a last window that would lie in the padding alone; ONNX Runtime leaves it out at every opset
# output:  MaxPool at 11: inferred 2, computed 1; MaxPool at 21: inferred 2, computed 1; MaxPool at 22: inferred 1, computed 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnx==1.23.2 onnxruntime==1.30.0

cat >pool.py <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, shape_inference


def sizes(opset):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, None])
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2], strides=[2], pads=[1, 1], ceil_mode=1)
    graph = helper.make_graph([node], "network", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    checker.check_model(model, full_check=True)
    inferred = shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape.dim[2].dim_value
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"x": np.ones([1, 1, 1], np.float32)})
    return inferred, answer.shape[2]


seen = {opset: sizes(opset) for opset in (11, 21, 22)}
print("; ".join(f"MaxPool at {opset}: inferred {a}, computed {b}" for opset, (a, b) in seen.items()))
assert [*seen.values()] == [(2, 1), (2, 1), (1, 1)], "onnx and ONNX Runtime agree, or differ otherwise"
PYTHON
venv/bin/python pool.py
