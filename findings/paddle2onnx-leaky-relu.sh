#!/usr/bin/env bash
# package: paddle2onnx 2.1.0 with paddlepaddle 3.3.1 (PyPI)
# guess:   LeakyReLU(0.1) is written as ONNX's LeakyRelu with alpha 0.1, as ELU(0.3) is as Elu with alpha 0.3
# happens: LeakyRelu's alpha is another number at every export, from 1e-43 to 1e28 and of either sign, as of memory that
#          nobody has set; the file passes onnx's checker and runs. Elu is right
# output:  LeakyReLU(0.1): alpha of 0.1 in 0 of 6 exports; different ones: 6
#          ELU(0.3): alpha of 0.3 in 6 of 6 exports
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check paddlepaddle==3.3.1 paddle2onnx==2.1.0 onnx==1.17.0 \
  packaging==26.4 # which paddle2onnx needs and does not name

cat >export.py <<'PYTHON'
import onnx
import paddle
from paddle.static import InputSpec


def alphas(layer, operator):
    layer.eval()
    for version in (9, 13, 17):
        name = f"{operator}{version}"
        paddle.onnx.export(layer, name, input_spec=[InputSpec([1, 4], "float32", "x")], opset_version=version)
        model = onnx.load(f"{name}.onnx")
        onnx.checker.check_model(model)
        [node] = [node for node in model.graph.node if node.op_type == operator]
        [attribute] = node.attribute
        print("alpha", operator, attribute.f)


alphas(paddle.nn.LeakyReLU(0.1), "LeakyRelu")
alphas(paddle.nn.ELU(0.3), "Elu")
PYTHON
# Two processes of three exports each.
for _ in 1 2; do venv/bin/python export.py 2>>log; done | grep ^alpha >alphas || { tail log >&2; exit 1; }

python3 - <<'PYTHON'
rows = [line.split() for line in open("alphas")]
leaky = [float(value) for _, operator, value in rows if operator == "LeakyRelu"]
elu = [float(value) for _, operator, value in rows if operator == "Elu"]
assert len(leaky) == len(elu) == 6, rows
right = sum(abs(value - 0.1) < 1e-6 for value in leaky)
print(f"LeakyReLU(0.1): alpha of 0.1 in {right} of 6 exports; different ones: {len(set(leaky))}")
print(f"ELU(0.3): alpha of 0.3 in {sum(abs(value - 0.3) < 1e-6 for value in elu)} of 6 exports")
assert right < 6, "paddle2onnx writes the slope now"
assert all(abs(value - 0.3) < 1e-6 for value in elu)
PYTHON
