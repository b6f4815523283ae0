#!/usr/bin/env bash
# package: ethos-u-vela 5.2.0 (PyPI, Python 3.11); the file is written by the schema in ai-edge-litert 2.3.0
# guess:   a convolution whose strides the Ethos-U55 has not is left to the processor, as one padded as SAME is, whatever is before it
# happens: strides of 4 and 2 run on the NPU, one window at a time; behind a PAD the whole compilation fails
# output:  alone: CPU operators = 0, NPU operators = 72; behind PAD: RuntimeError: Non-passthrough operation (Conv2D) could not run on NPU
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet ethos-u-vela==5.2.0 ai-edge-litert==2.3.0

cat >write.py <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl

kinds = tfl.TensorType


def tensor(kind, shape, buffer=0):
    quantization = tfl.QuantizationParametersT(scale=[0.05], zeroPoint=[0]) if kind != kinds.INT32 or buffer == 2 else None
    return tfl.TensorT(shape=shape, type=kind, buffer=buffer, name="t", quantization=quantization)


def write(name, pad):
    size = 28 + 2 * pad
    rows, columns = (size - 5) // 4 + 1, (size - 5) // 2 + 1
    tensors = [tensor(kinds.INT8, [1, 28, 28, 8]), tensor(kinds.INT8, [8, 5, 5, 8], 1), tensor(kinds.INT32, [8], 2),
               tensor(kinds.INT8, [1, rows, columns, 8]), tensor(kinds.INT32, [4, 2], 3), tensor(kinds.INT8, [1, size, size, 8])]
    tensors[2].quantization.scale = [0.05 * 0.05]
    options = tfl.Conv2DOptionsT(padding=1, strideW=2, strideH=4)
    conv = tfl.OperatorT(opcodeIndex=0, inputs=[5 if pad else 0, 1, 2], outputs=[3], builtinOptionsType=1, builtinOptions=options)
    before = tfl.OperatorT(opcodeIndex=1, inputs=[0, 4], outputs=[5], builtinOptionsType=22, builtinOptions=tfl.PadOptionsT())
    graph = tfl.SubGraphT(tensors=tensors if pad else tensors[:4], inputs=[0], outputs=[3], operators=[before, conv] if pad else [conv])
    data = [np.ones(1600, np.int8), np.zeros(8, np.int32), np.array([[0, 0], [pad, pad], [pad, pad], [0, 0]], np.int32)]
    buffers = [tfl.BufferT()] + [tfl.BufferT(data=each.ravel().view(np.uint8)) for each in data]
    codes = [tfl.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code, version=version) for code, version in [(3, 3), (34, 2)]]
    builder = flatbuffers.Builder()
    builder.Finish(tfl.ModelT(version=3, operatorCodes=codes, subgraphs=[graph], buffers=buffers).Pack(builder), b"TFL3")
    open(name, "wb").write(builder.Output())


write("alone.tflite", 0)
write("padded.tflite", 2)
PYTHON
venv/bin/python write.py
vela() { venv/bin/vela "$1" --accelerator-config ethos-u55-128 2>&1; }
alone=$(vela alone.tflite | grep -E '^(NPU|CPU) operators' | sed 's/ (.*//' | paste -sd, | sed 's/,/, /')
padded=$(vela padded.tflite || true)
echo "alone: $alone; behind PAD: $(tail -n 1 <<<"$padded")"
[[ $alone == *"CPU operators = 0"* && $padded == *"could not run on NPU"* ]] || { echo "it is otherwise now" >&2; exit 1; }
