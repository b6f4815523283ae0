#!/usr/bin/env bash
# package: cuda-toolkit 13.2.2 with nvidia-cuda-runtime 13.2.86 (PyPI), Linux on x86-64
# guess:   cuda-toolkit[cudart], by which torch asks for the runtime, brings what its own cuda_runtime.h includes: headers for host
#          compilers as well as the library
# happens: the header cannot be compiled: crt/host_config.h lies in another wheel, nvidia-cuda-crt, which neither the runtime's wheel
#          nor that extra asks for. So nothing that includes libtorch's headers of CUDA compiles beside `pip install torch`;
#          cuda-toolkit[crt] brings it
# output:  with [cudart]: cuda_runtime.h:82:10: fatal error: crt/host_config.h: No such file or directory
#          with [cudart,crt]: compiles
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
printf '#include <cuda_runtime.h>\nint main() { return cudaSuccess; }\n' >program.cc

compile() {
  g++ -std=c++20 -fsyntax-only -isystem venv/lib/python3*/site-packages/nvidia/cu13/include program.cc 2>&1
}

venv/bin/pip install --quiet 'cuda-toolkit[cudart]==13.2.2'
test -f venv/lib/python3*/site-packages/nvidia/cu13/include/cuda_runtime.h
status=0
words=$(compile) || status=$?
echo "with [cudart]: $(grep -m 1 -o 'cuda_runtime.h:[0-9:]* fatal error: .*' <<<"$words")"
[[ $status != 0 ]]
grep -q 'crt/host_config.h: No such file' <<<"$words"

venv/bin/pip install --quiet 'cuda-toolkit[cudart,crt]==13.2.2'
compile
echo "with [cudart,crt]: compiles"
