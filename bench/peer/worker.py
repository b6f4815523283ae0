"""The benchmark's workload in PyTorch: the counterpart of ../worker/, over the same protocol (../protocol.ts).

One JSON object per line comes in on stdin, one answer per line goes out on stdout. With --compile everything goes
through torch.compile.
"""

import ctypes
import json
import math
import os
import resource
import statistics
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.distributed
import torch.nn.functional as F
from torch import nn
from torch.fx.experimental.optimization import fuse
from loader import create_loader
from networks import activation_factory, create_network, is_segmentation
from torch.nn.parallel import DistributedDataParallel

COMPILE = "--compile" in sys.argv
ALPHA = 0.5
WARM_UP = 2


def require_vector_instructions():
    """Without them torch.compile is no peer; it takes the slow way without a word where its test does not build."""
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    if not pick_vec_isa():
        raise RuntimeError("torch.compile finds no vector instructions; see bench/peer/g++")


def tuned_compile(function, **options):
    return torch.compile(function, **options) if COMPILE else function


def alpha():
    return torch.tensor(ALPHA) if COMPILE else ALPHA


def autocast(precision):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16")


def network(workload):
    return create_network(
        workload["network"],
        workload["image"][0],
        workload["classes"],
        activation_factory(workload["activation"], alpha()),
    ).to(memory_format=torch.channels_last)


def batch(workload):
    """Noise, and a label for each image or, for segmentation, for each pixel."""
    channels, height, width = workload["image"]
    size = workload["batch"] // workload.get("ranks", 1)
    images = torch.randn(size, channels, height, width).contiguous(memory_format=torch.channels_last)
    shape = (size, height, width) if is_segmentation(workload["network"]) else (size,)
    labels = torch.arange(math.prod(shape)).view(shape) % workload["classes"]
    return images, labels


def count_parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def step(workload):
    images, labels = batch(workload)
    train, facts = training(workload)
    return lambda lap: train(images, labels, lap), facts


def training(workload):
    """A network and its optimizer as a function that does one step."""
    model = network(workload)
    settings = {"lr": 1e-3, "momentum": 0.9, "weight_decay": 1e-4}
    # The fastest implementation of each version.
    fastest = {"fused": True} if torch.__version__ >= "2" else {"foreach": True}
    optimizer = torch.optim.SGD(model.parameters(), **settings, **fastest)
    if workload.get("ranks", 1) > 1:
        join_ranks()
        model = DistributedDataParallel(model, gradient_as_bucket_view=True)

    def loss_of(images, labels):
        with autocast(workload["precision"]):
            return F.cross_entropy(model(images), labels)

    loss_of = tuned_compile(loss_of)

    def train(images, labels, lap):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(images, labels)
        lap("forward")
        loss.backward()
        lap("backward")
        optimizer.step()
        lap("optimizer")

    return train, {"parameters": count_parameters(model)}


def join_ranks():
    """The processes that the harness has started together."""
    if torch.distributed.is_initialized():
        return
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{os.environ['BENCH_STORE']}",
        rank=int(os.environ["BENCH_RANK"]),
        world_size=int(os.environ["BENCH_RANKS"]),
    )


def inference(workload):
    model = network(workload).eval()
    images, _ = batch(workload)
    # Both fold batch norm into the convolutions: freezing by itself.
    forward = tuned_compile(model, options={"freezing": True}) if COMPILE else fuse(model)

    def run(lap):
        with torch.inference_mode(not COMPILE), torch.no_grad(), autocast(workload["precision"]):
            forward(images)

    return run, {"parameters": count_parameters(model)}


def activation(workload):
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[workload["precision"]]
    # Not in place as in the networks: x is a leaf here.
    module = F.relu if workload["activation"] == "relu" else activation_factory(workload["activation"], alpha())()
    return operator(module, workload["shape"], dtype), {}


def batch_norm(workload):
    module = nn.Sequential(
        nn.BatchNorm2d(workload["shape"][1]), activation_factory(workload["activation"], alpha())()
    )
    return operator(module, workload["shape"], torch.float32, module.parameters()), {}


def convolution(workload):
    size, dilation = workload["size"], workload.get("dilation", 1)
    window = [size, size] if isinstance(size, int) else size
    layer = nn.Conv2d(
        workload["shape"][1],
        workload["outputs"],
        window,
        workload["stride"],
        padding=[side // 2 * dilation for side in window],
        dilation=dilation,
        groups=workload["groups"],
        bias=False,
    ).to(memory_format=torch.channels_last)
    return operator(layer, workload["shape"], torch.float32, layer.parameters()), {}


def operator(module, shape, dtype, parameters=()):
    """A function that runs a module forward and backward, on noise in channels_last."""
    x = torch.randn(shape, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    with torch.no_grad():
        gradient = torch.randn_like(module(x))
    inputs = [x, *parameters]
    function = tuned_compile(module)

    def run(lap):
        y = function(x)
        lap("forward")
        torch.autograd.grad(y, inputs, gradient)
        lap("backward")

    return run


def copy(workload):
    source = torch.randn(workload["shape"])
    target = torch.empty_like(source)
    return lambda lap: target.copy_(source), {}


def memcpy(workload):
    source = torch.randn(workload["shape"])
    target = torch.empty_like(source)
    threads = torch.get_num_threads()
    share = source.numel() * source.element_size() // threads
    pool = ThreadPoolExecutor(threads)

    def copy_part(index):
        # ctypes gives the interpreter's lock away meanwhile.
        ctypes.memmove(target.data_ptr() + index * share, source.data_ptr() + index * share, share)

    def run(lap):
        others = [pool.submit(copy_part, index) for index in range(1, threads)]
        copy_part(0)
        for other in others:
            other.result()

    return run, {}


def overhead(workload):
    a, b = torch.randn(16), torch.randn(16)

    def run(lap):
        for _ in range(workload["calls"]):
            torch.add(a, b)

    return run, {}


def loader(workload):
    batches = create_loader(workload["folder"], workload["batch"], workload["side"], torch.get_num_threads())
    train, facts = (None, {}) if workload["step"] is None else training(workload["step"])

    def run(lap):
        for images, labels in batches():
            lap("waiting")
            if train is not None:
                train(images, labels, lambda part: None)
            lap("training")

    return run, facts


KINDS = {
    "step": step,
    "inference": inference,
    "activation": activation,
    "batch-norm": batch_norm,
    "convolution": convolution,
    "copy": copy,
    "memcpy": memcpy,
    "overhead": overhead,
    "loader": loader,
}


def minor_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def timed(workload, repetitions):
    total, parts = [], {}
    faults = minor_faults()
    for repetition in range(repetitions):
        start = last = time.perf_counter()

        def lap(part):
            nonlocal last
            now = time.perf_counter()
            times = parts.setdefault(part, [0] * repetitions)
            times[repetition] += (now - last) * 1000
            last = now

        workload(lap)
        total.append((time.perf_counter() - start) * 1000)
    return {
        "milliseconds": statistics.median(total),
        "parts": {part: statistics.median(values) for part, values in parts.items()},
        "minorFaults": (minor_faults() - faults) / repetitions,
    }


def untimed(workload, repetitions):
    for _ in range(repetitions):
        workload(lambda part: None)


def status_mebibytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def peak_memory(workload, repetitions):
    """Peak of the resident memory during the repetitions, in MiB."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    untimed(workload, repetitions)
    return {"mebibytes": status_mebibytes("VmHWM")}


workloads = {}


def answer(request):
    op = request["op"]
    if op == "describe":
        if COMPILE:
            require_vector_instructions()
        return {"version": torch.__version__, "threads": torch.get_num_threads()}
    key = request["key"]
    if op == "prepare":
        torch.manual_seed(1)
        workloads[key], facts = KINDS[request["workload"]["kind"]](request["workload"])
        untimed(workloads[key], WARM_UP)
        return facts
    if op == "run":
        untimed(workloads[key], request["warmUp"])
        return timed(workloads[key], request["repetitions"])
    if op == "peak":
        return peak_memory(workloads[key], request["repetitions"])
    raise ValueError(f"unknown request {op}")


def main():
    # Answers go out on the real stdout; what libraries print must not come between them.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
        except Exception:
            result = {"error": traceback.format_exc()}
        answers.write(json.dumps(result) + "\n")
        answers.flush()


main()
