#!/usr/bin/env bash
# package: onnx 1.20.0 (PyPI, Python 3.11)
# guess:   a network of convolutions, batch norms and ReLU at opset 17 can be brought to opset 13, which many compilers
#          for small chips take: what came later are element types that the network does not use
# happens: the converter has no adapter for a batch norm from 15 to 14 nor for Relu from 14 to 13, whatever their types
# output:  BatchNormalization at 15; Conv at 9; Relu at 14
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnx==1.20.0

cat >convert.py <<'PYTHON'
from onnx import TensorProto, checker, helper, version_converter

SHAPE = [1, 2, 3, 3]


def lowest_opset(operator, **weights):
    node = helper.make_node(operator, ["x", *weights], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in "xy")
    tensors = [
        helper.make_tensor(name, TensorProto.FLOAT, shape, [1.0] * (shape[0] * (2 if len(shape) > 1 else 1)))
        for name, shape in weights.items()
    ]
    graph = helper.make_graph([node], "network", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    for opset in range(16, 8, -1):
        try:
            version_converter.convert_version(model, opset)
        except RuntimeError as error:
            assert "No Adapter" in str(error), error
            return opset + 1
    return 9


batch_norm = lowest_opset("BatchNormalization", scale=[2], shift=[2], mean=[2], variance=[2])
convolution = lowest_opset("Conv", kernel=[2, 2, 1, 1])
relu = lowest_opset("Relu")
print(f"BatchNormalization at {batch_norm}; Conv at {convolution}; Relu at {relu}")
assert (batch_norm, convolution, relu) == (15, 9, 14), "onnx goes down further"
PYTHON
venv/bin/python convert.py
