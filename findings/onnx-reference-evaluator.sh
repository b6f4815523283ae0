#!/usr/bin/env bash
# package: onnx 1.23.2, beside onnxruntime 1.32.0 (PyPI, Python 3.11)
# guess:   onnx's own ReferenceEvaluator, the judge of an export, computes the operators of a vision network as the standard says
# happens: LRN normalizes as many channels as the batch has images; a max pool of stride 1 reads pads [0, 0, 1, 1], below and
#          right, as left and right, and answers in another shape; Softmax below opset 13 is that of 13, over the last axis
# output:  channels of 8 that LRN changes: 1 for 1 image, 4 for 4 (ONNX Runtime: 8 and 8); max pool of 6 by 6 with pads
#          [0, 0, 1, 1]: (4, 6), inferred and in ONNX Runtime (5, 5); sum of Softmax at opset 11: 48.00 (ONNX Runtime: 1.00)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6

cat >reference.py <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

random = np.random.default_rng(0)


def answers(node, image, opset):
    """What the reference and ONNX Runtime answer, and the shape that onnx infers."""
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)], [onnx.ValueInfoProto(name="y")]
    ends[1][0].type.tensor_type.elem_type = TensorProto.FLOAT
    graph = helper.make_graph([node], "network", *ends)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    shape = tuple(axis.dim_value for axis in model.graph.output[0].type.tensor_type.shape.dim)
    return ReferenceEvaluator(model).run(None, {"x": image})[0], session.run(None, {"x": image})[0], shape


def changed(batch):
    image = random.normal(size=(batch, 8, 6, 6)).astype(np.float32)
    node = helper.make_node("LRN", ["x"], ["y"], size=5, alpha=1.0, beta=0.75, bias=1.0)
    return [int((~np.isclose(each, image)).any(axis=(0, 2, 3)).sum()) for each in answers(node, image, 17)[:2]]


image = random.normal(size=(1, 8, 6, 6)).astype(np.float32)
lrn = changed(1), changed(4)
pool = answers(helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], pads=[0, 0, 1, 1]), image, 17)
shapes = pool[0].shape[2:], pool[1].shape[2:], pool[2][2:]
sums = [float(each.sum()) for each in answers(helper.make_node("Softmax", ["x"], ["y"]), image, 11)[:2]]
print(f"channels of 8 that LRN changes: {lrn[0][0]} for 1 image, {lrn[1][0]} for 4 (ONNX Runtime: {lrn[0][1]} and {lrn[1][1]});",
      f"max pool of 6 by 6 with pads [0, 0, 1, 1]: {shapes[0]}, inferred and in ONNX Runtime {shapes[1]};",
      f"sum of Softmax at opset 11: {sums[0]:.2f} (ONNX Runtime: {sums[1]:.2f})")
assert lrn == ([1, 8], [4, 8]), "LRN is otherwise"
assert shapes == ((4, 6), (5, 5), (5, 5)), "the max pool is otherwise"
assert sums[0] > 2 and abs(sums[1] - 1) < 1e-3, "Softmax is otherwise"
PYTHON
venv/bin/python reference.py
