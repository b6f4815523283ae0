"""Runs TensorFlow Lite files in LiteRT's reference kernels and in LiteRT for Microcontrollers.

A folder holds NAME.tflite and NAME.in, samples of its one input one after the other. NAME.litert and NAME.micro become
what each runtime computes, the outputs of a sample one after the other; where one refuses, NAME.litert.error. NAME.arena
holds the bytes of memory that the second may take, where these matter.
"""

import contextlib
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime


def run_litert(model: bytes, samples: bytes) -> bytes:
    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
    )
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    images = np.frombuffer(samples, given["dtype"]).reshape(-1, *given["shape"])
    results = []
    for image in images:
        interpreter.set_tensor(given["index"], image)
        interpreter.invoke()
        results += [interpreter.get_tensor(output["index"]).tobytes() for output in interpreter.get_output_details()]
    return b"".join(results)


def run_micro(model: bytes, samples: bytes, arena: int) -> bytes:
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena)
    given = interpreter.get_input_details(0)
    images = np.frombuffer(samples, given["dtype"]).reshape(-1, *given["shape"])
    outputs = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    ).get_output_details()
    results = []
    for image in images:
        interpreter.set_input(image, 0)
        interpreter.invoke()
        results += [interpreter.get_output(place).tobytes() for place in range(len(outputs))]
    return b"".join(results)


folder = pathlib.Path(sys.argv[1])
for path in sorted(folder.glob("*.tflite")):
    model, samples = path.read_bytes(), path.with_suffix(".in").read_bytes()
    arena = path.with_suffix(".arena")
    size = int(arena.read_text()) if arena.exists() else max(len(model) * 20, 16 << 20)
    for name, run in [("litert", run_litert), ("micro", lambda *given: run_micro(*given, size))]:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                path.with_suffix(f".{name}").write_bytes(run(model, samples))
        except Exception as error:
            path.with_suffix(f".{name}.error").write_text(str(error))
