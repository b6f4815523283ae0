"""Runs cases in PyTorch for oracle.ts: JSON in on stdin, JSON out on stdout.

In:  {"dtype": "float32", "cases": [{"inputs": {name: {"shape": [...], "classes": n?}}, "program": "output = ..."}]}
Out: [{"output": [{"shape": [...], "values": [...]}], "gradients": {name: {...}}}]

A program sees its inputs by name, `torch`, `F`, `nn`, `fill` and `parameter_gradients`, and sets `output` to a
tensor or a list of them.
"""

import json
import math
import sys

import numpy
import torch
import torch.nn.functional as F
from torch import nn


def uniform(stream, count):
    """Numbers in [0, 1) from an integer hash, so that both sides have them without exchanging any."""
    with numpy.errstate(over="ignore"):
        h = numpy.arange(count, dtype=numpy.uint32) + numpy.uint32((stream * 0x9E3779B9 + 1) & 0xFFFFFFFF)
        h ^= h >> numpy.uint32(16)
        h *= numpy.uint32(0x85EBCA6B)
        h ^= h >> numpy.uint32(13)
        h *= numpy.uint32(0xC2B2AE35)
        h ^= h >> numpy.uint32(16)
    return torch.from_numpy(h.astype(numpy.float64) / 2**32)


def standard(stream, shape, dtype):
    """Uniform numbers of mean 0 and variance 1."""
    return ((uniform(stream, math.prod(shape)) - 0.5) * math.sqrt(12)).reshape(shape).to(dtype)


def make_input(stream, spec, dtype):
    if "classes" in spec:
        return (uniform(stream, math.prod(spec["shape"])) * spec["classes"]).long().reshape(spec["shape"])
    return standard(stream, spec["shape"], dtype).requires_grad_()


def fill(module):
    """Sets the floating-point entries of a module's state, in the order of its keys; variances stay positive."""
    with torch.no_grad():
        for stream, (key, value) in enumerate(module.state_dict().items()):
            if not value.is_floating_point():
                continue
            value.copy_(0.3 * standard(100 + stream, value.shape, torch.float64))
            if key.endswith("running_var"):
                value.abs_().add_(0.5)
    return module.to(torch.get_default_dtype())


def parameter_gradients(output, module):
    """Gradients of the sum of squared outputs with respect to the module's parameters."""
    parameters = list(module.parameters())
    return torch.autograd.grad(output.square().sum(), parameters, retain_graph=True) if parameters else ()


def to_json(tensor):
    values = tensor.detach().to(torch.float64).flatten().tolist()
    return {"shape": list(tensor.shape), "values": values}


def run(case, dtype):
    inputs = {name: make_input(i, spec, dtype) for i, (name, spec) in enumerate(case["inputs"].items())}
    tools = {"torch": torch, "F": F, "nn": nn, "fill": fill, "parameter_gradients": parameter_gradients}
    names = {**tools, **inputs}
    exec(case["program"], names)
    output = names["output"]
    outputs = [output] if isinstance(output, torch.Tensor) else list(output)
    differentiable = [o for o in outputs if o.requires_grad]
    if differentiable:
        loss = sum((o * standard(50 + i, o.shape, o.dtype)).sum() for i, o in enumerate(differentiable))
        loss.backward()
    gradients = {name: to_json(x.grad) for name, x in inputs.items() if x.grad is not None}
    return {"output": [to_json(o) for o in outputs], "gradients": gradients}


def main():
    request = json.load(sys.stdin)
    torch.set_num_threads(1)
    results = []
    for case in request["cases"]:
        dtype = getattr(torch, case["dtype"])
        torch.set_default_dtype(dtype)
        results.append(run(case, dtype))
    json.dump(results, sys.stdout)


main()
