// Devices other than the CPU: reached by the same operators, present only where engine and machine have them.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace pea {

// Empty when CUDA works; otherwise why it does not. Loads libtorch's CUDA part at the first call.
const std::string& cuda();

// "cpu", "cuda", "cuda:1"; throws for a word that names no device, and for a device that is not there.
c10::Device parse_device(const std::string& name);

}  // namespace pea
