#!/usr/bin/env bash
# package: onnxruntime 1.32.0, onnx 1.23.2 (PyPI, Python 3.11)
# guess:   an average pool between QuantizeLinear and DequantizeLinear gives the float pool's averages, to one step of the scale
# happens: where ceil_mode lets the last window reach beyond the padding and padding counts, the pool of floats divides by what
#          lies within the padding, the pool of integers by the whole window: ones become 0.67, in a corner 0.44
# output:  ceil_mode 1, pads 0, count_include_pad 1: last row of ones [1. 1. 1.] [0.671875 0.671875 0.4375  ]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

cat >pool.py <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

scale = 1 / 64
constants = [numpy_helper.from_array(np.float32(scale), "scale"), numpy_helper.from_array(np.int8(0), "zero")]
pair = ["scale", "zero"]


def answers(ceil, padding, include):
    ways = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [padding] * 4, "ceil_mode": ceil, "count_include_pad": include}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *pair], ["a"]), helper.make_node("DequantizeLinear", ["a", *pair], ["b"]),
        helper.make_node("AveragePool", ["b"], ["c"], **ways),
        helper.make_node("QuantizeLinear", ["c", *pair], ["d"]), helper.make_node("DequantizeLinear", ["d", *pair], ["y"]),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 6, 6]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, None, None])]
    graph = helper.make_graph(nodes, "network", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    for level in (onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        yield session.run(None, {"x": np.ones((1, 1, 6, 6), np.float32)})[0]


for case in ((0, 1, 1), (1, 1, 0), (1, 1, 1), (1, 0, 1)):
    floats, integers = (answer[0, 0, -1] for answer in answers(*case))
    print("ceil_mode {}, pads {}, count_include_pad {}: last row of ones".format(*case), floats, integers)
    assert (floats == integers).all() == (case[0] * case[2] == 0), "both divide alike"
PYTHON
venv/bin/python pool.py
