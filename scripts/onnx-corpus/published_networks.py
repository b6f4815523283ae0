"""Networks of torchvision and timm, with random weights and norms."""
import timm
import torch
import torchvision

from images import some_images
from torch_networks import enliven

of_torchvision = """
    alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3 mnasnet0_5 mnasnet1_0
    mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnet50 resnext50_32x4d
    shufflenet_v2_x0_5 shufflenet_v2_x1_0 squeezenet1_0 squeezenet1_1 vgg11_bn""".split()
of_timm = """
    cspresnet50 darknet53 dla34 dpn68 ecaresnet50t efficientvit_m0 fbnetc_100 ghostnet_050 hardcorenas_a hrnet_w18_small
    lcnet_050 legacy_seresnet18 mobileone_s0 nfnet_f0 regnety_002 repvgg_a0 res2net50_26w_4s resnest14d resnet18d
    rexnet_100 selecsls42 semnasnet_075 skresnet18 tf_efficientnet_lite0 tf_mobilenetv3_small_minimal_100 vovnet39a
    xception41""".split()
small = """
    resnet18 mobilenet_v2 mobilenet_v3_small squeezenet1_1 shufflenet_v2_x0_5 mnasnet0_5 regnet_x_400mf
    tf_efficientnet_lite0 ghostnet_050 resnest14d lcnet_050 rexnet_100""".split()
# Those that pool to a size which others do not divide, or shrink images more than others.
sizes = {"alexnet": 224, "vgg11_bn": 224, "efficientvit_m0": 224, "inception_v3": 160, "nfnet_f0": 160}


def make(name):
    torch.manual_seed(7)
    if name in of_torchvision:
        # Losses within the network are no part of it.
        options = {"init_weights": False, "aux_logits": False} if name in ("googlenet", "inception_v3") else {}
        network = torchvision.models.get_model(name, weights=None, num_classes=10, **options)
    else:
        network = timm.create_model(name, num_classes=10)
    enliven(network)
    settle(network, torch.from_numpy(some_images((4, *image_of(name)))))
    return network.eval()


def image_of(name):
    """Channels, height and width."""
    size = sizes.get(name, 96)
    return (3, size, size)


def settle(network, images):
    """Gives batch norms the statistics of some images: by random ones all answers would be alike, whatever the image.

    A channel that hardly varies is not blown up, since rounding would be, too."""
    norms = [module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
        norm.running_var.clamp_(min=float(norm.running_var.mean()))
