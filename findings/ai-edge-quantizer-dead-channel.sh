#!/usr/bin/env bash
# package: ai-edge-quantizer 0.10.0, ai-edge-litert 2.3.0 (PyPI, Python 3.11, x86-64)
# guess:   a channel whose weights decayed to nothing answers its bias, quantized or not; at worst the bias is cut to what fits
# happens: a positive bias too large for the channel's scale becomes -2147483648, the other sign, and the channel's answer 0;
#          all that is said is numpy's "invalid value encountered in cast"
# output:  channels' means: [3.0, 3.0, 3.78, 1.82] in floats, [0.0, 0.0, 3.78, 1.82] quantized;
#          biases: [-2147483648, -2147483648, 71135, 96277]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0 numpy==2.4.6

cat >channel.py <<'PYTHON'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe

random = np.random.default_rng(0)
weights, bias = random.normal(size=(4, 1, 1, 8)).astype(np.float32), np.full(4, 3, np.float32)
weights[0] = 0
weights[1] *= 1e-8
floats, ways = tfl.TensorType.FLOAT32, {"padding": tfl.Padding.SAME, "strideW": 1, "strideH": 1}
tensors = [tfl.TensorT(shape=shape, type=floats, buffer=buffer, name=name) for name, shape, buffer in
           (("x", [1, 8, 8, 8], 0), ("w", [4, 1, 1, 8], 1), ("b", [4], 2), ("y", [1, 8, 8, 4], 0))]
ends = [[tfl.TensorMapT(name=name, tensorIndex=index)] for index, name in ((0, "x"), (3, "y"))]
options = tfl.Conv2DOptionsT(dilationWFactor=1, dilationHFactor=1, fusedActivationFunction=tfl.ActivationFunctionType.RELU, **ways)
node = tfl.OperatorT(inputs=[0, 1, 2], outputs=[3], builtinOptionsType=1, builtinOptions=options)
graph = tfl.SubGraphT(tensors=tensors, inputs=[0], outputs=[3], operators=[node])
signature = tfl.SignatureDefT(signatureKey="serving_default", subgraphIndex=0, inputs=ends[0], outputs=ends[1])
buffers = [tfl.BufferT()] + [tfl.BufferT(data=each.ravel().view(np.uint8)) for each in (weights, bias)]
builder = flatbuffers.Builder()
builder.Finish(tfl.ModelT(version=3, operatorCodes=[tfl.OperatorCodeT(deprecatedBuiltinCode=3, builtinCode=3)], subgraphs=[graph],
                          buffers=buffers, signatureDefs=[signature]).Pack(builder), b"TFL3")
image = random.uniform(0, 1, size=(1, 8, 8, 8)).astype(np.float32)


def channels(content):
    """The mean that each channel answers, as a number of the float network."""
    runner = Interpreter(model_content=bytes(content)).get_signature_runner()
    (scale, zero), (step, middle) = (details["quantization"] for details in
                                     (runner.get_input_details()["x"], runner.get_output_details()["y"]))
    output = runner(x=np.clip(np.round(image / scale) + zero, -128, 127).astype(np.int8) if scale else image)["y"]
    return ((output.astype(np.float32) - middle) * step if step else output).mean(axis=(0, 1, 2)).tolist()


tool = quantizer.Quantizer(bytearray(builder.Output()), quantization_recipe=recipe.static_wi8_ai8())
quantized = tool.quantize(tool.calibrate({"serving_default": [{"x": image}]})).quantized_model
reader = Interpreter(model_content=bytes(quantized))
reader.allocate_tensors()
integers = next(reader.get_tensor(each["index"]).tolist() for each in reader.get_tensor_details() if each["name"] == "b")
before, after = ([round(mean, 2) for mean in channels(each)] for each in (builder.Output(), quantized))
print(f"channels' means: {before} in floats, {after} quantized; biases: {integers}")
assert before[:2] == [3, 3] and after[:2] == [0, 0] and integers[:2] == [-(2**31)] * 2, "the bias stays"
PYTHON
venv/bin/python channel.py 2>errors | grep channels || { cat errors; exit 1; }
