#!/usr/bin/env bash
# package: openvino 2026.4.1; the file is written by the schema in ai-edge-litert 2.3.0, which runs it as well (PyPI, Python 3.11)
# guess:   OpenVINO's reader of TensorFlow Lite computes the activation that an operator names, whichever operator that is
# happens: a convolution's ReLU is computed, a transposed convolution's is dropped without a word: negative numbers come out
# output:  CONV_2D: least 0.00 in LiteRT, 0.00 in OpenVINO; TRANSPOSE_CONV: least 0.00 in LiteRT, -11.38 in OpenVINO
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet openvino==2026.4.1 ai-edge-litert==2.3.0 numpy==2.4.6

cat >relu.py <<'PYTHON'
import flatbuffers
import numpy as np
import openvino
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter

random = np.random.default_rng(0)
image = random.normal(size=(1, 5, 5, 8)).astype(np.float32)
weights = random.normal(size=(4, 3, 3, 8)).astype(np.float32)
bias = np.zeros(4, np.float32)
relu = tfl.ActivationFunctionType.RELU


def tensor(kind, shape, buffer=0):
    return tfl.TensorT(shape=shape, type=kind, buffer=buffer, name=f"{kind}{shape}")


def least(operator, version, size, inputs, kind, options):
    floats, integers = tfl.TensorType.FLOAT32, tfl.TensorType.INT32
    tensors = [tensor(floats, [1, 5, 5, 8]), tensor(floats, [4, 3, 3, 8], 1), tensor(floats, [4], 2),
               tensor(integers, [4], 3), tensor(floats, [1, size, size, 4])]
    constants = [weights, bias, np.array([1, size, size, 4], np.int32)]
    node = tfl.OperatorT(inputs=inputs, outputs=[4], builtinOptionsType=kind, builtinOptions=options)
    graph = tfl.SubGraphT(tensors=tensors, inputs=[0], outputs=[4], operators=[node])
    buffers = [tfl.BufferT()] + [tfl.BufferT(data=each.ravel().view(np.uint8)) for each in constants]
    code = tfl.OperatorCodeT(deprecatedBuiltinCode=operator, builtinCode=operator, version=version)
    builder = flatbuffers.Builder()
    builder.Finish(tfl.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=buffers).Pack(builder), b"TFL3")
    open("network.tflite", "wb").write(builder.Output())
    litert = Interpreter(model_path="network.tflite")
    litert.allocate_tensors(), litert.set_tensor(0, image), litert.invoke()
    compiled = openvino.compile_model("network.tflite", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return float(litert.get_tensor(4).min()), float(compiled([image])[0].min())


ways = {"padding": tfl.Padding.VALID, "fusedActivationFunction": relu}
plain = least(3, 3, 3, [0, 1, 2], 1, tfl.Conv2DOptionsT(strideW=1, strideH=1, **ways))
transposed = least(67, 4, 11, [3, 1, 0, 2], 49, tfl.TransposeConvOptionsT(strideW=2, strideH=2, **ways))
print("; ".join(f"{name}: least {a:.2f} in LiteRT, {b:.2f} in OpenVINO"
                for name, (a, b) in {"CONV_2D": plain, "TRANSPOSE_CONV": transposed}.items()))
assert plain == (0, 0) and transposed[0] == 0 and transposed[1] < 0, "OpenVINO computes both"
PYTHON
venv/bin/python relu.py
