"""Exchanges weights with models-weights.test.ts, by key, as safetensors files.

Usage: weights.py CASES FOLDER

CASES is JSON: a list of {name, network, options, image, classes}. For each, FOLDER holds NAME.here.safetensors with the
state dict of the same network there. PyTorch loads it and writes what it computes to NAME.here.output.safetensors, and it
writes a state dict of its own, NAME.pytorch.safetensors, and what it computes with that to NAME.pytorch.output.safetensors.
"""

import json
import sys

import torch

import safetensors_file
from golden import golden_input
from networks import build


def write_output(model, case, path):
    model.eval()
    with torch.no_grad():
        output = model(golden_input([2, *case["image"]], torch.float32))
    safetensors_file.write(path, {"output": output})


def main():
    torch.set_num_threads(1)
    cases, folder = json.loads(sys.argv[1]), sys.argv[2]
    for case in cases:
        path = f"{folder}/{case['name']}"
        torch.manual_seed(1)
        model = build(case["network"], case["classes"], case["image"][0], **case["options"])
        # One pass in training, so that the running statistics are not those of a fresh network.
        model(golden_input([4, *case["image"]], torch.float32))
        safetensors_file.write(f"{path}.pytorch.safetensors", model.state_dict())
        write_output(model, case, f"{path}.pytorch.output.safetensors")
        model.load_state_dict(safetensors_file.read(f"{path}.here.safetensors"), strict=True)
        write_output(model, case, f"{path}.here.output.safetensors")


main()
