"""pea::sgd_step_ against torch.optim.SGD, and what it refuses. Argument: the library."""
import itertools
import re
import sys

import torch

torch.ops.load_library(sys.argv[1])
sgd_step = torch.ops.pea.sgd_step_
torch.manual_seed(0)


def parameters(dtype):
    # Of several memory orders, and one with gaps.
    p = [torch.randn(n, dtype=dtype) for n in (0, 1, 17, 1000)]
    p.append(torch.randn(4, 3, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last))
    p.append(torch.randn(5, 7, dtype=dtype).t())
    p.append(torch.randn(6, 8, dtype=dtype)[:, ::2])
    return p


for dtype, momentum, weight_decay, nesterov in itertools.product(
    (torch.float32, torch.float64), (0, 0.9), (0, 0.1), (False, True)
):
    if nesterov and momentum == 0:
        continue
    ours = parameters(dtype)
    theirs = [p.clone().requires_grad_() for p in ours]
    velocities = [torch.zeros(p.shape, dtype=dtype) for p in ours] if momentum else []
    optimizer = torch.optim.SGD(
        theirs, lr=0.05, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov, foreach=False
    )
    for step in range(4):
        gradients = [torch.randn(p.shape, dtype=dtype) for p in ours]
        for p, gradient in zip(theirs, gradients):
            p.grad = gradient.clone()
        optimizer.step()
        versions = [p._version for p in ours]
        sgd_step(ours, gradients, velocities, 0.05, momentum, weight_decay, nesterov)
        assert all(p._version > version for p, version in zip(ours, versions))
    for p, expected in zip(ours, theirs):
        torch.testing.assert_close(p, expected.detach(), rtol=1e-5 if dtype == torch.float32 else 1e-12, atol=1e-7)

p = torch.ones(3)
for arguments, message in [
    (([p], [], []), "1 parameters, but 0 gradients"),
    (([p], [torch.ones(4)], []), "gradient 0 has the shape \\[4\\], its parameter has \\[3\\]"),
    (([p], [p.double()], []), "gradient 0 is Double, its parameter is Float"),
    (([p], [p], [p]), "with momentum 0 there must be 0 velocities, not 1"),
    (([p.bfloat16()], [p.bfloat16()], []), "parameters must be float32 or float64, not BFloat16"),
    (([p.clone().requires_grad_()], [p], []), "no_grad"),
]:
    try:
        sgd_step(*arguments, 0.1)
    except (RuntimeError, ValueError, TypeError) as error:
        assert re.search(message, str(error)), error
    else:
        raise SystemExit(f"must be refused: {message}")
assert torch.equal(p, torch.ones(3))
