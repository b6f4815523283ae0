#!/usr/bin/env bash
# package: Node 20.20.2 (also as npm's `node`)
# guess:   nohup lets a program outlive its terminal, whatever it is written in; and a program that handles SIGHUP may end as ever
# happens: Node sets ignored signals back as it starts, so that SIGHUP ends it under nohup, too, and nothing in the process tells any
#          more that it was ignored; and once the terminal is gone a process that ends by itself aborts, because it cannot give
#          the terminal its settings back
# output:  under nohup: ended by signal 1
#          its terminal gone, after process.exit(0): ended by signal 6
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . node@20.20.2
node=$folder/node_modules/node/bin/node

cat >terminal.py <<'PYTHON'
import os
import pty
import sys

child, screen = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
os.read(screen, 5)  # it is there
os.close(screen)
print(os.WTERMSIG(os.waitpid(child, 0)[1]))
PYTHON

nohup "$node" --eval 'console.log("there"); setTimeout(() => {}, 60_000)' >there 2>/dev/null </dev/null &
until [ -s there ]; do sleep 0.1; done
kill -HUP $!
status=0
wait $! || status=$?
{
  echo "under nohup: ended by signal $((status - 128))"
  handles='process.on("SIGHUP", () => process.exit(0)); console.log("there"); setTimeout(() => {}, 60_000)'
  echo "its terminal gone, after process.exit(0): ended by signal $(python3 terminal.py "$node" --eval "$handles")"
} | tee output
diff output - <<'TEXT'
under nohup: ended by signal 1
its terminal gone, after process.exit(0): ended by signal 6
TEXT
