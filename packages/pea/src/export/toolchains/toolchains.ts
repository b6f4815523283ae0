/**
 * Compilers and runtimes that take a form which is written already, and what they want it to be.
 *
 * @module
 */
import type { Scheme } from "@pea/graph";

/** A compiler or runtime. */
export interface Toolchain {
  /** Of the target. */
  readonly name: string;
  readonly title: string;
  /** The form that it takes. */
  readonly form: "onnx" | "onnx-int8" | "tflite";
  /** Whether it wants files for one image at a time. */
  readonly oneImage: boolean;
  /** Python's packages that have it, with the versions that were tried; none where Python has it not. */
  readonly packages: readonly string[];
  /**
   * What its answers differ from ONNX Runtime's by, as `npm run test:toolchains` runs the steps and measures it (docs/integers.md
   * has the numbers); none where it was not tried.
   */
  readonly apart?: string;
  /** How it quantizes what it takes in floats; none where it computes in floats, or takes integers. */
  readonly quantizesTo?: Scheme;
  /** What to know of it. */
  readonly notes: readonly string[];
  /** How to go on, in the file's folder. */
  readonly steps: readonly Step[];
}

/**
 * Lines of a shell or of Python. `FILE` stands for the file's name, `STEM` for that without its ending, `SHAPE` for the
 * sizes of the input. Python is given prepared images as `images`, float32 [count, channels, height, width], and ends with
 * their answers in `logits`, where the tool can compute them here.
 */
export interface Step {
  readonly language: "sh" | "python";
  readonly lines: readonly string[];
}

const sh = (...lines: string[]): Step => ({ language: "sh", lines });
const python = (...lines: string[]): Step => ({ language: "python", lines });

export const toolchains: readonly Toolchain[] = [
  {
    name: "esp32",
    title: "ESP-PPQ (ESP32-S3, ESP32-P4)",
    form: "onnx",
    oneImage: true,
    packages: ["esp-ppq==1.3.12", "torch==2.4.0"],
    // Of ESP32-S3; ESP32-P4 has a scale for each channel.
    quantizesTo: { activations: "int8", scales: "powers of two", weights: "per tensor" },
    apart: "its own scales, up to half of what images are apart",
    notes: [
      "ESP-PPQ quantizes by itself, to scales that are powers of two. `images` are here some of the training images, which it takes ranges from; `logits` are what the chip will answer.",
      "`minmax` and `equalization` are not its defaults: a MobileNet that named the class of each of 32 images with them named that of 4 without.",
      "It writes over the file that it is given: hand it a copy.",
      '`target="esp32p4"` and `target="c"` (other chips) are written in the same way.',
      "Where too much is lost, train with `--methods quantize --target esp32`: it rounds as ESP-PPQ does.",
    ],
    steps: [
      python(
        "import shutil, torch",
        "from esp_ppq import QuantizationSettingFactory",
        "from esp_ppq.api import espdl_quantize_onnx",
        "from esp_ppq.executor import TorchExecutor",
        'shutil.copy("FILE", "copy.onnx")',
        "calibration = [torch.from_numpy(image[None]) for image in images]",
        "setting = QuantizationSettingFactory.espdl_setting()",
        'setting.quantize_activation_setting.calib_algorithm = "minmax"',
        "setting.equalization = True",
        "graph = espdl_quantize_onnx(",
        '    onnx_import_file="copy.onnx", espdl_export_file="STEM.espdl", calib_dataloader=calibration,',
        '    calib_steps=len(calibration), input_shape=[SHAPE], target="esp32s3", num_of_bits=8, setting=setting,',
        ")",
        'executor = TorchExecutor(graph, device="cpu")',
        "logits = torch.cat([executor(image)[0] for image in calibration]).numpy()",
      ),
    ],
  },
  {
    name: "stm32",
    title: "ST Edge AI (STM32)",
    form: "tflite",
    oneImage: true,
    packages: [],
    notes: [
      "ST Edge AI Core comes from ST alone. It takes TensorFlow Lite files of int8 as they are: inputs and outputs are int8, unless `--input-type` and `--output-type` say otherwise.",
      "`golden` holds inputs and the bytes that the reference kernels answer.",
    ],
    steps: [sh("stedgeai analyze --model FILE --target stm32")],
  },
  {
    name: "openvino",
    title: "OpenVINO",
    form: "onnx-int8",
    oneImage: false,
    packages: ["openvino==2026.4.1"],
    apart: "a step or so on average",
    notes: ["Answers are up to a step or two from ONNX Runtime's on average."],
    steps: [
      python(
        "import openvino",
        'model = openvino.Core().compile_model("FILE", "CPU")',
        "logits = model(images)[0]",
      ),
    ],
  },
  {
    name: "ncnn",
    title: "ncnn",
    form: "onnx",
    oneImage: true,
    packages: ["ncnn==1.0.20261020", "pnnx==20261020", "torch==2.4.0"],
    apart: "float32 rounding",
    notes: [
      "pnnx keeps weights in 16 bits unless it is told otherwise (`fp16=0`), and ends with code 0 where ncnn has no such layer, too: look at what `load_param` gives.",
      "It does not take files in integers: ncnn's own tools quantize.",
    ],
    steps: [
      sh("pnnx FILE 'inputshape=[SHAPE]' fp16=0"),
      python(
        "import ncnn, numpy",
        "net = ncnn.Net()",
        "net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False",
        'assert net.load_param("STEM.ncnn.param") == 0 and net.load_model("STEM.ncnn.bin") == 0',
        "def answer(image):",
        "    extractor = net.create_extractor()",
        '    extractor.input("in0", ncnn.Mat(image).clone())',
        '    return numpy.array(extractor.extract("out0")[1])',
        "logits = numpy.stack([answer(image) for image in images])",
      ),
    ],
  },
  {
    name: "rknn",
    title: "RKNN-Toolkit2 (Rockchip)",
    form: "onnx-int8",
    oneImage: true,
    packages: ["rknn-toolkit2==2.5.0", "torch==2.4.0"],
    apart: "a step or so on average",
    notes: [
      "The file has its integers already: `do_quantization=False`.",
      "Tried in its simulator, which is what `init_runtime()` without a device starts.",
    ],
    steps: [
      python(
        "import numpy",
        "from rknn.api import RKNN",
        "rknn = RKNN()",
        'rknn.config(target_platform="rk3588")',
        'assert rknn.load_onnx(model="FILE") == 0',
        "assert rknn.build(do_quantization=False) == 0",
        'assert rknn.export_rknn("STEM.rknn") == 0',
        "rknn.init_runtime()",
        'answers = [rknn.inference(inputs=[image[None]], data_format="nchw")[0] for image in images]',
        "logits = numpy.concatenate(answers)",
      ),
    ],
  },
  {
    name: "tvm",
    title: "Apache TVM",
    form: "onnx-int8",
    oneImage: false,
    packages: ["apache-tvm==0.27.0.post1", "onnx==1.23.2"],
    apart: "a tenth of a step on average",
    notes: ["It computes in floats between the pairs, as they stand."],
    steps: [
      python(
        "import onnx, tvm",
        "from tvm.relax.frontend.onnx import from_onnx",
        'executable = tvm.compile(from_onnx(onnx.load("FILE")), target="llvm")',
        'executable.export_library("STEM.so")',
        "machine = tvm.relax.VirtualMachine(executable, tvm.cpu())",
        'logits = machine["main"](tvm.runtime.tensor(images)).numpy()',
      ),
    ],
  },
  {
    name: "iree",
    title: "IREE",
    form: "onnx-int8",
    oneImage: false,
    packages: ["iree-base-compiler==3.13.0", "iree-base-runtime==3.13.0", "onnx==1.23.2"],
    apart: "a tenth of a step on average",
    notes: ["It computes in floats between the pairs, as they stand."],
    steps: [
      sh(
        "iree-import-onnx FILE -o STEM.mlir",
        "iree-compile STEM.mlir -o STEM.vmfb --iree-hal-target-device=local \\",
        "  --iree-hal-local-target-device-backends=llvm-cpu --iree-llvmcpu-target-cpu=host",
      ),
      python(
        "import iree.runtime",
        'module = iree.runtime.load_vm_flatbuffer_file("STEM.vmfb", driver="local-sync")',
        "logits = module.network(images).to_host()",
      ),
    ],
  },
];
