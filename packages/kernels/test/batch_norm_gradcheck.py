"""Compares pea::batch_norm_act's gradients with finite differences. Argument: libpea_kernels.so."""
import sys

import torch

torch.ops.load_library(sys.argv[1])
torch.manual_seed(0)


def leaf(*shape, order=torch.contiguous_format):
    return torch.randn(shape, dtype=torch.float64).contiguous(memory_format=order).requires_grad_()


activations = [("identity",), ("relu",)]
for smooth in ("gelu", "swish", "mish", "elu", "hardswish", "gelu-tanh"):
    activations += [(smooth, "weighted", 0.3), (smooth, "stochastic", 0.5, 1, 2, 3)]

weight, bias = leaf(3), leaf(3)
for order in (torch.contiguous_format, torch.channels_last):
    x, residual = leaf(2, 3, 4, 3, order=order), leaf(2, 3, 4, 3, order=order)
    assert x.is_contiguous(memory_format=order)
    for training in (True, False):
        for activation in activations:

            def run(x, residual, weight, bias):
                statistics = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
                return torch.ops.pea.batch_norm_act(
                    x, residual, weight, bias, *statistics, training, 0.1, 1e-5, *activation
                )

            assert torch.autograd.gradcheck(run, (x, residual, weight, bias))
            assert torch.autograd.gradcheck(lambda x, w, b: run(x, None, w, b), (x, weight, bias))

y = torch.ops.pea.batch_norm_act(x, None, weight, bias, None, None, True, 0.1, 1e-5, "gelu", "weighted", 0.5)
(first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
try:
    torch.autograd.grad(first.sum(), x)
except NotImplementedError as error:
    assert "has no second derivative" in str(error)
else:
    raise AssertionError("the second derivative was not refused")
