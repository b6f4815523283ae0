#!/usr/bin/env bash
# package: onnxruntime 1.32.0, onnx 1.23.2 (PyPI)
# guess:   quantize_static keeps the bias of a channel whose input is always 0, within a step of its output
# happens: it becomes 0 where the channel's weights are large, as batch norm of variance 0 leaves them: the bias has their scale
# output:  channel 0: 0.500 in floats, 0.000 in integers
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6

cat >quantize.py <<'PYTHON'
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

random = np.random.default_rng(0)
# Channel 0 is never above 0 behind ReLU; what reads it has weights as batch norm of variance 0 leaves them, and a bias of 0.5.
first = random.normal(size=(4, 1, 1, 1)).astype(np.float32)
first_bias = np.array([-1000, 0, 0, 0], np.float32)
first[0], first[1] = 0.1, 100
depthwise = random.normal(size=(4, 1, 3, 3)).astype(np.float32) / 9
depthwise[0], depthwise[1] = depthwise[0] * 3000, depthwise[1] / 100
depthwise_bias = np.array([0.5, 0, 0, 0], np.float32)
constants = {"w1": first, "b1": first_bias, "w2": depthwise, "b2": depthwise_bias}
nodes = [helper.make_node("Conv", ["x", "w1", "b1"], ["c"]), helper.make_node("Relu", ["c"], ["r"]),
         helper.make_node("Conv", ["r", "w2", "b2"], ["y"], group=4, pads=[1, 1, 1, 1])]
shape = ["batch", 4, 8, 8]
graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 8, 8])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
                          [numpy_helper.from_array(value, name) for name, value in constants.items()])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "float.onnx")
images = random.normal(size=(16, 1, 8, 8)).astype(np.float32)


class Images(CalibrationDataReader):
    left = [{"x": image[None]} for image in images]

    def get_next(self):
        return self.left.pop() if self.left else None


quantize_static("float.onnx", "int8.onnx", Images(), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QInt8, weight_type=QuantType.QInt8)
run = lambda path: ort.InferenceSession(path).run(None, {"x": images})[0]
exact, rounded = (run(f"{name}.onnx")[:, 0] for name in ("float", "int8"))
print(f"channel 0: {exact.mean():.3f} in floats, {rounded.mean():.3f} in integers")
assert (exact == 0.5).all() and (rounded == 0).all(), "the bias is there"
PYTHON
venv/bin/python quantize.py
