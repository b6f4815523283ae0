#!/usr/bin/env bash
# package: openvino 2026.4.1, opencv-python-headless 5.0.0.93, onnxruntime 1.32.0, tract 0.23.9, onnx 1.23.2 (PyPI, Python 3.11)
# guess:   a Resize with antialias (opset 18), as of a network that scales its images itself, is computed so or refused
# happens: OpenVINO and OpenCV pass over the attribute and give the plain Resize without a word; ONNX Runtime and tract compute it
# output:  onnxruntime: smooth; tract: smooth; opencv: plain; openvino: plain
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet openvino==2026.4.1 opencv-python-headless==5.0.0.93 onnxruntime==1.32.0 tract==0.23.9 \
  onnx==1.23.2 numpy==2.4.6

cat >resize.py <<'PYTHON'
import cv2
import numpy as np
import onnx
import onnxruntime
import openvino
import tract
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

image = np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype(np.float32)


def write(name, antialias):
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear", antialias=antialias)
    sizes = numpy_helper.from_array(np.array([1, 3, 16, 16], np.int64), "sizes")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 64])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 16, 16])
    graph = helper.make_graph([node], "network", [x], [y], [sizes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, name)
    return ReferenceEvaluator(model).run(None, {"x": image})[0]


def opencv(path):
    net = cv2.dnn.readNetFromONNX(path)
    net.setInput(image)
    return net.forward()


plain, smooth = write("plain.onnx", 0), write("smooth.onnx", 1)
answers = {
    "onnxruntime": onnxruntime.InferenceSession("smooth.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": image})[0],
    "tract": tract.onnx().load("smooth.onnx").into_model().into_runnable().run([image])[0].to_numpy(),
    "opencv": opencv("smooth.onnx"),
    "openvino": openvino.compile_model("smooth.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([image])[0],
}
near = lambda a, b: np.allclose(a, b, atol=1e-4)
seen = {name: int(near(value, smooth)) - int(near(value, plain)) for name, value in answers.items()}
words = {1: "smooth", -1: "plain", 0: "neither"}
print("; ".join(f"{name}: {words[way]}" for name, way in seen.items()))
assert list(seen.values()) == [1, 1, -1, -1], "it is otherwise now"
PYTHON
venv/bin/python resize.py
