# Helpers shared by the scripts beside this file; sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
mkdir -p .setup

# fail MESSAGE: says why the script stops, and stops it.
fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

# print_help USAGE ARGUMENT...: prints how the script is called, and ends it, where its arguments ask for that.
print_help() {
  local usage=$1 argument
  shift
  for argument; do
    [[ $argument != --help && $argument != -h ]] || { printf '%s\n' "$usage"; exit; }
  done
}

# step TITLE COMMAND...: runs one command with its output in .setup/log. A failure shows the end of that output,
# names the step and prints the command that repeats it alone.
step() {
  local title=$1 status=0
  shift
  printf -- '- %s\n' "$title" >&2
  "$@" >.setup/log 2>&1 || status=$?
  if ((status != 0)); then
    tail -n 40 .setup/log >&2
    printf 'error: this step failed with exit code %d: %s (its whole output: .setup/log)\n' "$status" "$title" >&2
    printf 'repeat it alone: cd %q &&%s\n' "$ROOT" "$(printf ' %q' "$@")" >&2
    exit "$status"
  fi
}

# install_debian_packages PACKAGE...: installs those that are missing.
install_debian_packages() {
  local package as_root=() missing=()
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || fail "this system has no apt. \
The set-up takes libtorch, the compiler and the data set from Debian's packages: use Debian 12 or 13, for instance a \
debian:12 container with Node.js 20.11 or newer."
  for package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if (($(id -u) != 0)); then
    command -v sudo >/dev/null || fail "these Debian packages are missing, and neither root nor sudo is at hand to \
install them. As root, run: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  # A simulated install needs no rights; it fails when apt's lists do not know a package yet.
  if ! apt-get install --simulate "${missing[@]}" >/dev/null 2>&1; then
    step "reading Debian's package lists" "${as_root[@]}" apt-get update
  fi
  step "installing Debian's ${missing[*]}" "${as_root[@]}" \
    env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

# build_native [ENV_WORD...]: builds the native libraries for the engine that is found in the environment so changed (words
# of env); CMake compiles only what has changed. TypeScript must be compiled.
build_native() {
  step "building the native libraries (minutes, the first time)" env "$@" node packages/pea/bin/pea.js setup
}

# install_python NAME TITLE [PIP_OPTION...]: brings PyPI's packages of scripts/NAME-requirements.txt into the virtual
# environment .venv/NAME.
install_python() {
  local venv=.venv/$1 requirements=scripts/$1-requirements.txt title=$2
  shift 2
  install_debian_packages python3-venv
  if ! cmp -s "$requirements" "$venv/installed-requirements.txt"; then
    step "making the virtual environment $venv" /usr/bin/python3 -m venv --clear "$venv"
    step "$title" "$venv/bin/pip" install --disable-pip-version-check --progress-bar off "$@" -r "$requirements"
    cp "$requirements" "$venv/installed-requirements.txt"
  fi
}

# install_libtorch2: brings libtorch 2.x, as it lies in PyPI's torch wheel, into a virtual environment of its own and sets
# LIBTORCH to it.
install_libtorch2() {
  # --no-deps: the rest of what the wheel asks for is gigabytes of CUDA libraries and Python packages that only
  # `import torch` needs.
  install_python libtorch2 "installing PyPI's torch (about 550 MB)" --no-deps
  LIBTORCH=$(torch_in libtorch2)
  export LIBTORCH
}

# install_torchrun: the same with what torchrun needs besides, and sets PEA_TORCHRUN to it.
install_torchrun() {
  # --no-deps: a compiler for GPUs and Python packages that torchrun does without stay away.
  install_python torchrun "installing PyPI's torch and what it links to (about 2.7 GB)" --no-deps
  LIBTORCH=$(torch_in torchrun)
  export LIBTORCH PEA_TORCHRUN=$ROOT/.venv/torchrun/bin/torchrun
}

# torch_in NAME: the folder of torch in the virtual environment .venv/NAME.
torch_in() {
  local folders=("$ROOT/.venv/$1"/lib/python3.*/site-packages/torch)
  printf '%s' "${folders[0]}"
}

# install_embedded: brings LiteRT, LiteRT for Microcontrollers and Vela into a virtual environment of their own and sets
# PEA_EMBEDDED_PYTHON to its Python and PEA_VELA to Vela.
install_embedded() {
  local venv=.venv/embedded
  install_python embedded "installing LiteRT, LiteRT for Microcontrollers and Vela (about 60 MB)"
  export PEA_EMBEDDED_PYTHON=$ROOT/$venv/bin/python PEA_VELA=$ROOT/$venv/bin/vela
}

# install_toolchains: brings compilers and runtimes into two virtual environments, and sets PEA_TOOLCHAINS to the folder of
# the programs of one, PEA_TOOLCHAINS_TORCH to that of those that need torch.
install_toolchains() {
  install_python toolchains "installing OpenVINO, TVM and IREE (about 250 MB)" --no-deps
  install_python toolchains-torch "installing ncnn, ESP-PPQ and RKNN-Toolkit2 (about 2.8 GB)" --no-deps
  export PEA_TOOLCHAINS=$ROOT/.venv/toolchains/bin PEA_TOOLCHAINS_TORCH=$ROOT/.venv/toolchains-torch/bin
}

# make_api_pages: makes dist/api of the comments in the code. TypeDoc is a package apart (docs/api): it needs a TypeScript
# before 7.
make_api_pages() {
  if ! cmp -s docs/api/package-lock.json docs/api/node_modules/installed-package-lock.json; then
    step "installing TypeDoc" npm ci --prefix docs/api --no-progress --ignore-scripts
    cp docs/api/package-lock.json docs/api/node_modules/installed-package-lock.json
  fi
  step "making the API pages" docs/api/node_modules/.bin/typedoc --options docs/api/typedoc.json
}

# run_tests PATTERN FILE...: runs those test files whose path contains PATTERN (empty: all of them).
run_tests() {
  local pattern=$1 file selected=()
  shift
  for file; do
    [[ $file == *"$pattern"* ]] && selected+=("$file")
  done
  ((${#selected[@]})) || fail "no test file has \"$pattern\" in its path"
  local reporter=spec
  [[ -t 1 ]] || reporter=./scripts/failures-last.mjs
  # Two test files at a time fill two cores; threads of libtorch's own would only contend with each other. One that hangs
  # fails after ten minutes, so that the others are told.
  OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} node --conditions=pea-source --import tsx \
    --test --test-timeout=600000 --test-concurrency=2 --test-reporter="$reporter" "${selected[@]}"
}
