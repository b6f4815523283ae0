// Devices other than the CPU: reached by the same operators, present only where engine and machine have them.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace pea {

// The folder that the loaded libtorch lies in.
std::string engine_folder();

// Loads libtorch's CUDA part where there is one, once per process. This comes before all other work: libtorch asks
// once what devices there are and keeps the answer, and even its version's text asks.
void load_cuda();

// Empty when that is loaded; otherwise why it is not.
const std::string& cuda_library();

// Empty when CUDA works; otherwise why it does not.
const std::string& cuda();

// "cpu", "cuda", "cuda:1"; throws for a word that names no device, and for a device that is not there.
c10::Device parse_device(const std::string& name);

}  // namespace pea
