#!/usr/bin/env bash
# package: onnxoptimizer 0.4.2, beside onnxsim 0.8.1 (PyPI, Python 3.11); run in onnxruntime 1.32.0, onnx 1.23.2
# guess:   a Pad with zeros in front of a MaxPool stays, since the pads of a MaxPool count as less than any number
# happens: optimize() makes it the MaxPool's pads, by default. Behind ReLU nobody sees it; behind Swish or GELU, or without an
#          activation, negative maxima appear at the edge. onnxsim leaves this pair and merges that with an average pool
# output:  onnxoptimizer: MaxPool, off by 0.274 behind Swish, 0.000 behind ReLU; onnxsim: Pad MaxPool, off by 0.000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnxoptimizer==0.4.2 onnxsim==0.8.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

cat >pad.py <<'PYTHON'
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
import onnxsim
from onnx import TensorProto, helper, numpy_helper


def network(activation):
    nodes = [
        *activation,
        helper.make_node("Pad", ["a", "pads"], ["b"], mode="constant"),
        helper.make_node("MaxPool", ["b"], ["y"], kernel_shape=[3, 3], strides=[2, 2]),
    ]
    pads = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "pads")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 7, 7])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4, 4])
    model = helper.make_model(helper.make_graph(nodes, "network", [x], [y], [pads]),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def answer(model):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.linspace(-3, -1, 49, dtype=np.float32).reshape(1, 1, 7, 7)})[0]


swish = network([helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Mul", ["x", "s"], ["a"])])
relu = network([helper.make_node("Relu", ["x"], ["a"])])
off = lambda before, after: float(np.abs(answer(before) - answer(after)).max())
merged, plain = onnxoptimizer.optimize(swish), onnxsim.simplify(swish)[0]
left = lambda model: " ".join(node.op_type for node in model.graph.node[2:])
print(f"onnxoptimizer: {left(merged)}, off by {off(swish, merged):.3f} behind Swish,",
      f"{off(relu, onnxoptimizer.optimize(relu)):.3f} behind ReLU; onnxsim: {left(plain)}, off by {off(swish, plain):.3f}")
assert left(merged) == "MaxPool" and off(swish, merged) > 0.1 and off(swish, plain) == 0, "it is otherwise now"
PYTHON
venv/bin/python pad.py
