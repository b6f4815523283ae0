"""Stands for safetensors' own module, of which Debian has no package: the same function, and what it refuses."""

import json
import struct

import torch

NAMES = {torch.float32: "F32", torch.int64: "I64"}


def save_file(tensors, filename):
    owners = {}
    for name, tensor in tensors.items():
        if not tensor.is_contiguous():
            raise ValueError(f"{name} is not contiguous")
        if owners.setdefault(tensor.storage().data_ptr(), name) != name:
            raise RuntimeError(f"{name} shares its memory with another tensor")
    header, parts, end = {}, [], 0
    for name, tensor in tensors.items():
        parts.append(tensor.detach().numpy().tobytes())
        offsets = [end, end + len(parts[-1])]
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        end = offsets[1]
    text = json.dumps(header).encode()
    with open(filename, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
