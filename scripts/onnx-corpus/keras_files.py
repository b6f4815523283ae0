"""Files by Keras on TensorFlow through tf2onnx, each with the answer that Keras gives to two images.

usage: keras_files.py FOLDER"""
import os
import sys

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import keras
import numpy
from keras import layers as L

from images import keep_answer, some_images

folder = sys.argv[1]


def conv_bn(x, channels, kernel=3, strides=1, act="relu"):
    x = L.Conv2D(channels, kernel, strides, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    return L.Activation(act)(x) if act else x


def resnet(x):
    x = L.MaxPooling2D(3, 2, padding="same")(conv_bn(x, 8, 3, 2))
    y = conv_bn(conv_bn(x, 8), 8, act=None)
    x = L.ReLU()(L.Add()([x, y]))
    x = conv_bn(x, 12, 1, 2)
    return L.Dense(5)(L.GlobalAveragePooling2D()(x))


def mobilenet(x):
    x = L.Rescaling(1 / 2, offset=-0.25)(x)
    x = conv_bn(x, 8, 3, 2, "relu6")
    x = L.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = L.DepthwiseConv2D(3, 2, padding="valid", use_bias=False)(x)
    x = L.ReLU(6.0)(L.BatchNormalization()(x))
    x = conv_bn(x, 12, 1, act="relu6")
    return L.Dense(5)(L.Dropout(0.3)(L.GlobalAveragePooling2D()(x)))


def gated(x):
    x = conv_bn(x, 8, 3, 2, "hard_silu")
    y = L.GlobalAveragePooling2D(keepdims=True)(x)
    y = L.Conv2D(8, 1, activation="hard_sigmoid")(L.Conv2D(4, 1, activation="relu")(y))
    x = L.Multiply()([x, y])
    return L.Dense(5)(L.Flatten()(L.AveragePooling2D(4)(x)))


def activations(x):
    kinds = ("silu", "gelu", "elu", "leaky_relu", "hard_sigmoid", "tanh", "softplus", "mish", "selu")
    parts = [L.Conv2D(6, 1, activation=act)(x) for act in kinds]
    parts.append(L.PReLU(shared_axes=[1, 2], alpha_initializer="random_uniform")(L.Conv2D(6, 1)(x)))
    x = L.Concatenate()(parts)
    return L.Dense(5)(L.GlobalAveragePooling2D()(x))


def dense(x):
    x = L.Conv2D(6, 3, 2, padding="same")(x)
    for _ in range(2):
        y = L.Conv2D(4, 3, padding="same", use_bias=False)(L.ReLU()(L.BatchNormalization()(x)))
        x = L.Concatenate()([x, y])
    x = L.AveragePooling2D(2)(x)
    return L.Dense(5)(L.Flatten()(L.ReLU()(L.BatchNormalization()(x))))


def unet(x):
    a = conv_bn(x, 4)
    b = conv_bn(a, 8, 3, 2)
    c = L.Conv2DTranspose(4, 2, 2)(b)
    d = L.UpSampling2D(2, interpolation="bilinear")(b)
    return L.Conv2D(3, 1)(L.Concatenate()([a, c, d]))


def gelu_tanh(x):
    x = L.Conv2D(6, 3, 2, padding="same")(x)
    return L.Dense(5)(L.GlobalMaxPooling2D()(keras.activations.gelu(x, approximate=True)))


networks = {f.__name__: f for f in (resnet, mobilenet, gated, activations, dense, unet, gelu_tanh)}
for name, build in networks.items():
    size = 8 if name == "unet" else 32  # small where the answer is one for each pixel
    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    x = keras.Input((size, size, 3), name="image")
    model = keras.Model(x, build(x), name=name)
    random = numpy.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            c = layer.gamma.shape[0]
            layer.set_weights([random.uniform(0.5, 1.5, c), random.normal(0, 0.1, c), random.normal(0, 0.1, c), random.uniform(0.5, 1.5, c)])
    first = numpy.ascontiguousarray(some_images((2, 3, size, size)).transpose(0, 2, 3, 1))
    answer = numpy.asarray(model(first))
    path = os.path.join(folder, f"{name.replace('_', '-')}.keras.onnx")
    try:
        model.export(path, format="onnx", verbose=False)
    except Exception as error:
        print(f"{name}.keras: {str(error).splitlines()[0][:100]}")
        continue
    if answer.ndim == 4:
        answer = answer.transpose(0, 3, 1, 2)
    keep_answer(folder, os.path.basename(path), (2, 3, size, size), answer)
