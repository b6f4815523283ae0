"""Files by PyTorch's exporters, each with the answer that PyTorch gives to two images.

usage: torch_files.py FOLDER [NETWORK...]"""
import os
import sys
import warnings

import torch

from images import keep_answer, some_images
from torch_networks import make, networks

warnings.filterwarnings("ignore")
folder = sys.argv[1]
wanted = sys.argv[2:] or list(networks)
is_old = torch.__version__.startswith("1.")


def shape_of(name):
    """Small where the answer is one for each pixel."""
    size = 8 if name in ("unet", "decoder", "scaling") else 32
    return (2, 3, size, size)


def by_tracing(network, images, path, opset, keep):
    """The exporter of all versions; `keep` keeps batch norms."""
    mode = torch.onnx.TrainingMode
    torch.onnx.export(
        network,
        (images,),
        path,
        opset_version=opset,
        training=mode.PRESERVE if keep else mode.EVAL,
        input_names=["input"],
        dynamic_axes={"input": {0: "batch"}},
        **({} if is_old else {"dynamo": False}),
    )


def by_graph(network, images, path, **options):
    """The exporter that PyTorch 2.9 and later take."""
    program = torch.onnx.export(network, (images,), verbose=False, input_names=["input"], **options)
    program.save(path, external_data=path.endswith("external.onnx"))
    without_local_paths(path)


def without_local_paths(path):
    """Metadata as far as it tells where a node comes from, and what is a parameter: the rest holds stack traces."""
    import onnx

    kept = ("pkg.torch.onnx.name_scopes", "pkg.onnxscript.rewriter.rule_name", "pkg.torch.export.graph_signature.InputSpec.kind")
    model = onnx.load(path, load_external_data=False)
    weights = {each.name for each in model.graph.initializer}
    values = [each for each in model.graph.value_info if each.name in weights and "." not in each.name]
    for thing in (*model.graph.node, *values):
        entries = [(each.key, each.value) for each in thing.metadata_props if each.key in kept]
        del thing.metadata_props[:]
        for key, value in entries:
            thing.metadata_props.add(key=key, value=value)
        thing.doc_string = ""
    told = [each.SerializeToString() for each in values if each.metadata_props]
    for thing in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del thing.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    del model.graph.value_info[:]
    for each in told:
        model.graph.value_info.add().ParseFromString(each)
    with open(path, "wb") as file:
        file.write(model.SerializeToString())


def write(name, kind, export):
    if name not in wanted:
        return
    network, images = make(name), torch.from_numpy(some_images(shape_of(name)))
    path = os.path.join(folder, f"{name}.{kind}.onnx")
    try:
        export(network, images, path)
    except Exception as error:  # some constructs have no form in an exporter
        print(f"{name}.{kind}: {str(error).splitlines()[0][:100]}")
        return
    with torch.no_grad():
        keep_answer(folder, os.path.basename(path), images.shape, network(images).numpy())


batch = ({0: torch.export.Dim("batch")},) if not is_old else None
for name in networks:
    if is_old:
        write(name, "torch1.13", lambda network, images, path: by_tracing(network, images, path, 14, True))
        continue
    write(name, "keep", lambda network, images, path: by_tracing(network, images, path, 17, True))
    write(name, "new", lambda network, images, path: by_graph(network, images, path, dynamic_shapes=batch))
    write(name, "unoptimized", lambda network, images, path: by_graph(network, images, path, dynamic_shapes=batch, optimize=False))
if is_old:
    for opset in (9, 11):
        write("mobilenet", f"opset{opset}", lambda network, images, path: by_tracing(network, images, path, opset, True))
        write("scaling", f"opset{opset}", lambda network, images, path: by_tracing(network, images, path, opset, True))
else:
    write("resnet", "folded", lambda network, images, path: by_tracing(network, images, path, 13, False))
    write("resnet", "single", lambda network, images, path: by_graph(network, images[:1], path))
    write("windows", "single", lambda network, images, path: by_graph(network, images[:1], path))
    write("shuffle", "single", lambda network, images, path: by_graph(network, images[:1], path))
    write("resnet", "external", lambda network, images, path: by_graph(network, images, path, dynamic_shapes=batch))
    for opset in (7, 10, 18):
        write("efficientnet", f"opset{opset}", lambda network, images, path: by_tracing(network, images, path, opset, True))
    for opset in (21, 23, 24, 25):
        write("activations", f"opset{opset}", lambda network, images, path: by_graph(network, images, path, dynamic_shapes=batch, opset_version=opset))
