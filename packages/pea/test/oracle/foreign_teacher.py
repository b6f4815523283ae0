"""Writes a small network as PyTorch exports it: PATH CLASSES BATCH; its answer to images of 1, 2, 3, ... / 784 goes to stdout as JSON."""

import json
import sys

import torch
from torch import nn

path, classes, batch = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.manual_seed(0)
network = nn.Sequential(
    nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes)
).eval()
images = torch.arange(1, 3 * 784 + 1, dtype=torch.float32).view(3, 1, 28, 28) / 784
example = images if batch == "open" else images[: int(batch)]
axes = {"pixels": {0: "n"}, "scores": {0: "n"}} if batch == "open" else None
options = {} if torch.__version__.startswith("1.") else {"dynamo": False}
torch.onnx.export(network, (example,), path, input_names=["pixels"], output_names=["scores"], dynamic_axes=axes, **options)
print(json.dumps(network(images).tolist()))
