#!/usr/bin/env bash
# package: opencv-python-headless 5.0.0.93, beside onnxruntime 1.32.0, onnx 1.23.2 (PyPI, Python 3.11)
# guess:   OpenCV pads as auto_pad SAME_UPPER says, the odd row and column behind, for convolutions and pools alike
# happens: in both it puts them in front at stride 2 on even sizes, where networks of TensorFlow's kind begin: the answer is that
#          of SAME_LOWER, an image shifted by a pixel. On odd sizes, and at stride 1, it is right
# output:  {'Conv': {7: 'right', 8: 'SAME_LOWER', 224: 'SAME_LOWER'}, 'MaxPool': {7: 'right', 8: 'SAME_LOWER', 224: 'SAME_LOWER'}}
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet opencv-python-headless==5.0.0.93 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

cat >same.py <<'PYTHON'
import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(0)
weights = random.normal(size=(4, 3, 3, 3)).astype(np.float32)


def network(operator, size, auto_pad):
    half = -(-size // 2)
    window = {"Conv": ["x", "w"], "MaxPool": ["x"]}[operator]
    node = helper.make_node(operator, window, ["y"], auto_pad=auto_pad, kernel_shape=[3, 3], strides=[2, 2])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, size, size])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4 if operator == "Conv" else 3, half, half])
    graph = helper.make_graph([node], "network", [x], [y], [numpy_helper.from_array(weights, "w")][: len(window) - 1])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def runtime(content, image):
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"x": image})[0]


def opencv(content, image):
    net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
    net.setInput(image)
    return net.forward()


def answers(operator, size):
    image = random.normal(size=(1, 3, size, size)).astype(np.float32)
    upper, lower = (runtime(network(operator, size, pad), image) for pad in ("SAME_UPPER", "SAME_LOWER"))
    seen = opencv(network(operator, size, "SAME_UPPER"), image)
    return "right" if np.allclose(seen, upper, atol=1e-3) else "SAME_LOWER" if np.allclose(seen, lower, atol=1e-3) else "neither"


seen = {operator: {size: answers(operator, size) for size in (7, 8, 224)} for operator in ("Conv", "MaxPool")}
print(seen)
assert all(sizes == {7: "right", 8: "SAME_LOWER", 224: "SAME_LOWER"} for sizes in seen.values()), "it is otherwise now"
PYTHON
venv/bin/python same.py
