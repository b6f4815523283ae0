"""The kernels as Python uses them: loading, gradcheck, autocast, meta tensors, memory formats. Argument: the library."""
import sys
import warnings

warnings.filterwarnings("ignore")
import torch

torch.ops.load_library(sys.argv[1])
ensemble_act = torch.ops.pea.ensemble_act
SMOOTH = ["gelu", "swish", "mish", "elu", "hardswish", "gelu-tanh", "b-silu"]

torch.manual_seed(0)
for smooth in SMOOTH:
    for mode in ["weighted", "stochastic"]:
        for alpha in [0.0, 0.3, 1.0]:
            x = torch.randn(2, 3, 5, 7, dtype=torch.float64)
            x = (x + 0.01 * x.sign()).contiguous(memory_format=torch.channels_last).requires_grad_()
            assert torch.autograd.gradcheck(lambda v: ensemble_act(v, smooth, mode, alpha, 1, 2, 3), (x,))
    assert torch.autograd.gradcheck(lambda v: ensemble_act(v, smooth, "weighted", 0.0, beta=2.5), (x,))
print("gradcheck")

x = torch.randn(4, 8, requires_grad=True)
with torch.autocast("cpu", dtype=torch.bfloat16):
    assert ensemble_act(x, "gelu", "weighted", 0.5).dtype == torch.float32
    assert ensemble_act(x @ torch.randn(8, 8), "gelu", "weighted", 0.5).dtype == torch.bfloat16
print("autocast")

assert ensemble_act(torch.empty(2, 3, device="meta"), "mish", "stochastic", 0.5).shape == (2, 3)
print("meta")

with torch.no_grad():
    assert not ensemble_act(x, "gelu", "weighted", 0.5).requires_grad
y = ensemble_act(x, "gelu", "weighted", 0.5)
assert y.requires_grad and y.is_leaf is False
print("grad mode")

x = torch.randn(5, dtype=torch.float64, requires_grad=True)
(first,) = torch.autograd.grad(ensemble_act(x, "gelu", "weighted", 0.5).sum(), x, create_graph=True)
try:
    first.sum().backward()
    raise SystemExit("double backward must be refused")
except NotImplementedError as error:
    assert "no second derivative" in str(error)
print("double backward")

x = torch.randn(2, 32, 6, 5, requires_grad=True)
conv = torch.nn.Conv2d(32, 16, 3, padding=1)
own = lambda: torch.ops.pea.conv3x3(x, conv.weight, conv.bias)
gradients = [torch.autograd.grad(y.square().sum(), [x, conv.weight, conv.bias]) for y in (own(), conv(x))]
assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-3) for a, b in zip(*gradients))
with torch.autocast("cpu", dtype=torch.bfloat16):
    assert torch.equal(own(), conv(x)) and own().dtype == torch.bfloat16
    assert torch.autograd.grad(own().float().sum(), x)[0].dtype == torch.float32
with torch.inference_mode():
    assert not own().requires_grad
conv.requires_grad_(False)
assert torch.autograd.grad(own().sum(), x)[0].shape == x.shape
print("conv3x3")

for window, spaced in [((3, 1), (2, 1)), ((1, 3), (1, 2))]:
    x = torch.randn(2, 32, 9, 11, requires_grad=True)
    conv = torch.nn.Conv2d(32, 16, window, padding=[n // 2 * d for n, d in zip(window, spaced)], dilation=spaced)
    own = lambda: torch.ops.pea.conv3x1(x, conv.weight, conv.bias, 2)
    gradients = [torch.autograd.grad(y.square().sum(), [x, conv.weight, conv.bias]) for y in (own(), conv(x))]
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-3) for a, b in zip(*gradients))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(own(), conv(x)) and own().dtype == torch.bfloat16
print("conv3x1")

for size, stride in [(3, 1), (3, 2), (5, 1), (5, 2)]:
    x = torch.randn(2, 8, 4, 5, dtype=torch.float64, requires_grad=True)
    weight, bias = torch.randn(8, 1, size, size, dtype=torch.float64, requires_grad=True), torch.randn(8, dtype=torch.float64, requires_grad=True)
    own = lambda *operands: torch.ops.pea.depthwise(*operands, stride)
    assert torch.autograd.gradcheck(own, (x, weight, bias))
    assert torch.allclose(own(x, weight, bias), torch.nn.functional.conv2d(x, weight, bias, stride, size // 2, 1, 8))
print("depthwise")

x = torch.randn(2, 16, 5, 6, dtype=torch.float64, requires_grad=True)
weight = torch.randn(24, 16, 1, 1, dtype=torch.float64, requires_grad=True)
bias = torch.randn(24, dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(torch.ops.pea.pointwise, (x, weight, bias))
print("pointwise")

for channels, size, stride in [(1, 2, 1), (3, 3, 2), (4, 5, 1), (3, 7, 2)]:
    x = torch.randn(2, channels, 6, 5, dtype=torch.float64, requires_grad=True)
    weight, bias = torch.randn(8, channels, size, size, dtype=torch.float64, requires_grad=True), torch.randn(8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *operands: torch.ops.pea.stem(*operands, stride), (x, weight, bias))
print("stem")
