#!/usr/bin/env bash
# package: libucx-cu12 1.18.1 (PyPI), UCX as RAPIDS builds it; Debian 13's libtorch 2.6 loads one of the same version
# guess:   a library for communication does nothing until it is called: whoever links it, and loads a tensor library alone,
#          has a process as before
# happens: as it is loaded it takes five signals, SIGHUP and SIGSEGV among them (a runtime that finds out-of-bounds reads of
#          WebAssembly by SIGSEGV loses it; a process outlives its terminal), and rewrites code of libc in memory; four
#          settings in the environment turn that off
# output:  loaded: takes SIGHUP SIGILL SIGBUS SIGFPE SIGSEGV, libc's code rewritten: yes
#          with the settings: takes none, libc's code rewritten: no
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-deps libucx-cu12==1.18.1

cat >load.py <<'PYTHON'
import ctypes
import glob
import re
import signal
import sys


def caught():
    with open("/proc/self/status") as status:
        mask = int(re.search(r"SigCgt:\s+(\w+)", status.read())[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def rewritten():
    """KiB of libc's code that this process has changed."""
    with open("/proc/self/smaps") as maps:
        blocks = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", maps.read())
    code = [block for block in blocks if re.match(r"\S+ r.xp .*/libc[.-]", block)]
    assert code, "libc's code is not found among the mappings"
    return sum(int(re.search(r"Private_Dirty:\s+(\d+)", block)[1]) for block in code)


before = caught()
assert rewritten() == 0
[library] = glob.glob("venv/lib/python3*/site-packages/libucx/lib/libucs.so.0")
ctypes.CDLL(library, mode=1)  # lazily
ours = [signal.SIGHUP, signal.SIGILL, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV]
taken = " ".join(name.name for name in ours if name in caught() - before) or "none"
print(f"{sys.argv[1]}: takes {taken}, libc's code rewritten: {'yes' if rewritten() else 'no'}")
PYTHON
{
  venv/bin/python load.py loaded
  UCX_HANDLE_ERRORS=none UCX_DEBUG_SIGNO=0 UCX_MEM_EVENTS=n UCX_VFS_ENABLE=n venv/bin/python load.py "with the settings"
} | tee output
diff output - <<'TEXT'
loaded: takes SIGHUP SIGILL SIGBUS SIGFPE SIGSEGV, libc's code rewritten: yes
with the settings: takes none, libc's code rewritten: no
TEXT
