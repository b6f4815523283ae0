#!/usr/bin/env bash
# package: ai-edge-litert 2.3.0, tflite-micro 0.dev20261023182759 (PyPI, Python 3.11)
# guess:   LiteRT's reference kernels and LiteRT for Microcontrollers give the same bytes for a linear layer of int8, as they
#          do for a convolution
# happens: of FULLY_CONNECTED some outputs are a step apart; the same layer as a CONV_2D of one pixel is the same in both
# output:  FULLY_CONNECTED: 14 of 16384 differ; CONV_2D: 0 of 16384
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet ai-edge-litert==2.3.0 tflite-micro==0.dev20261023182759 numpy==2.4.6

cat >compare.py <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

random = np.random.default_rng(0)
weights = random.integers(-127, 128, (64, 64), dtype=np.int8)
bias = random.integers(-5000, 5000, 64, dtype=np.int32)
images = random.integers(-128, 128, (256, 64), dtype=np.int8)


def tensor(kind, shape, scale, zero, buffer=0):
    quantization = tfl.QuantizationParametersT(scale=[scale], zeroPoint=[zero])
    return tfl.TensorT(shape=shape, type=kind, buffer=buffer, name="t", quantization=quantization)


def model(operator, options, pixel):
    kinds = tfl.TensorType
    tensors = [tensor(kinds.INT8, [1, *pixel, 64], 0.0371, 5), tensor(kinds.INT8, [64, *pixel, 64], 0.00713, 0, 1),
               tensor(kinds.INT32, [64], 0.0371 * 0.00713, 0, 2), tensor(kinds.INT8, [1, *pixel, 64], 0.19, -3)]
    node = tfl.OperatorT(inputs=[0, 1, 2], outputs=[3], builtinOptionsType=8 if pixel == [] else 1, builtinOptions=options)
    graph = tfl.SubGraphT(tensors=tensors, inputs=[0], outputs=[3], operators=[node])
    buffers = [tfl.BufferT(), tfl.BufferT(data=weights.ravel().view(np.uint8)), tfl.BufferT(data=bias.view(np.uint8))]
    code = tfl.OperatorCodeT(deprecatedBuiltinCode=operator, builtinCode=operator, version=4 if pixel == [] else 3)
    builder = flatbuffers.Builder()
    builder.Finish(tfl.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=buffers).Pack(builder), b"TFL3")
    return bytes(builder.Output())


def differing(content, pixel):
    litert = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    litert.allocate_tensors()
    micro = runtime.Interpreter.from_bytes(content, arena_size=1 << 20)
    for image in images.reshape(-1, 1, *pixel, 64):
        litert.set_tensor(0, image), litert.invoke(), micro.set_input(image, 0), micro.invoke()
        yield int((litert.get_tensor(3) != micro.get_output(0)).sum())


layer = sum(differing(model(9, tfl.FullyConnectedOptionsT(), []), []))
pixel = sum(differing(model(3, tfl.Conv2DOptionsT(padding=1, strideW=1, strideH=1), [1, 1]), [1, 1]))
print(f"FULLY_CONNECTED: {layer} of {images.size} differ; CONV_2D: {pixel} of {images.size}")
assert layer > 0 and pixel == 0, "both are the same"
PYTHON
venv/bin/python compare.py
