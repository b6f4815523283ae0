"""Weights and inputs by the formula of the specification (networks.md 8)."""

import math

import numpy
import torch
from torch import nn


def golden_numbers(t, count):
    with numpy.errstate(over="ignore"):
        h = numpy.arange(count, dtype=numpy.uint32) + numpy.uint32((t * 0x9E3779B9 + 1) & 0xFFFFFFFF)
        h ^= h >> numpy.uint32(16)
        h *= numpy.uint32(0x85EBCA6B)
        h ^= h >> numpy.uint32(13)
        h *= numpy.uint32(0xC2B2AE35)
        h ^= h >> numpy.uint32(16)
    return torch.from_numpy(h.astype(numpy.float64) / 2**32)


def golden_fill(model):
    """Overwrites all parameters and running statistics."""
    transposed = {f"{path}.weight" for path, m in model.named_modules() if isinstance(m, nn.ConvTranspose2d)}
    state = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    for t, key in enumerate(sorted(state)):
        tensor = state[key]
        u = golden_numbers(t, tensor.numel()).reshape(tensor.shape)
        if key.endswith("running_var"):
            u = 0.75 + 0.5 * u
        elif tensor.dim() > 1:
            fan_in = tensor.numel() // tensor.shape[1 if key in transposed else 0]
            # In this order, as on the other side: another one gives another last bit here and there.
            u = (math.sqrt(12) * math.sqrt(2 / fan_in)) * (u - 0.5)
        else:
            u = 0.2 * (u - 0.5) + (1 if key.endswith("weight") else 0)
        with torch.no_grad():
            tensor.copy_(u)


def golden_input(shape, dtype):
    return ((golden_numbers(1000, math.prod(shape)) - 0.5) * math.sqrt(12)).reshape(shape).to(dtype)
