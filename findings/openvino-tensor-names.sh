#!/usr/bin/env bash
# package: openvino 2026.4.1; the file is written by the schema in ai-edge-litert 2.3.0, which runs it as well (PyPI, Python 3.11)
# guess:   names of tensors in a TensorFlow Lite file are for people, since its operators refer to tensors by number
# happens: OpenVINO finds tensors by name: where two layers' weights have one name, or none, as in a file that was stripped of
#          them, both layers compute with the first one's, without a word
# output:  names w1 and w2: LiteRT 10, OpenVINO 10; both w: LiteRT 10, OpenVINO 4; none: LiteRT 10, OpenVINO 4
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet openvino==2026.4.1 ai-edge-litert==2.3.0 numpy==2.4.6

cat >names.py <<'PYTHON'
import flatbuffers
import numpy as np
import openvino
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter


def tensor(name, shape, buffer=0):
    return tfl.TensorT(shape=shape, type=tfl.TensorType.FLOAT32, buffer=buffer, name=name)


def layer(inputs, output):
    options = tfl.Conv2DOptionsT(padding=tfl.Padding.VALID, strideW=1, strideH=1)
    return tfl.OperatorT(inputs=inputs, outputs=[output], builtinOptionsType=1, builtinOptions=options)


def answers(first, second):
    """What 1 becomes, multiplied by 2 in the first layer and by 5 in the second."""
    tensors = [tensor("x", [1, 1, 1, 1]), tensor(first, [1, 1, 1, 1], 1), tensor("b1", [1], 3), tensor("h", [1, 1, 1, 1]),
               tensor(second, [1, 1, 1, 1], 2), tensor("b2", [1], 4), tensor("y", [1, 1, 1, 1])]
    graph = tfl.SubGraphT(tensors=tensors, inputs=[0], outputs=[6], operators=[layer([0, 1, 2], 3), layer([3, 4, 5], 6)])
    buffers = [tfl.BufferT()] + [tfl.BufferT(data=np.float32([value]).view(np.uint8)) for value in (2, 5, 0, 0)]
    code = tfl.OperatorCodeT(deprecatedBuiltinCode=3, builtinCode=3, version=1)
    builder = flatbuffers.Builder()
    builder.Finish(tfl.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=buffers).Pack(builder), b"TFL3")
    open("network.tflite", "wb").write(builder.Output())
    one = np.ones([1, 1, 1, 1], np.float32)
    litert = Interpreter(model_path="network.tflite")
    litert.allocate_tensors(), litert.set_tensor(0, one), litert.invoke()
    compiled = openvino.compile_model("network.tflite", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return litert.get_tensor(6).item(), compiled([one])[0].item()


seen = {"names w1 and w2": answers("w1", "w2"), "both w": answers("w", "w"), "none": answers("", "")}
print("; ".join(f"{names}: LiteRT {a:.0f}, OpenVINO {b:.0f}" for names, (a, b) in seen.items()))
assert list(seen.values()) == [(10, 10), (10, 4), (10, 4)], "OpenVINO goes by numbers, or otherwise"
PYTHON
venv/bin/python names.py
