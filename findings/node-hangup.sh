#!/usr/bin/env bash
# package: Node 20.20.2 (also as npm's `node`)
# guess:   nohup lets a program outlive its terminal, whatever it is written in
# happens: Node sets ignored signals back as it starts, so that SIGHUP ends it under nohup, too, and nothing in the process tells any
#          more that it was ignored
# output:  sleep under nohup: ended by signal 15, Node under nohup: by signal 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . node@20.20.2
node=$folder/node_modules/node/bin/node

# ended_by COMMAND...: the signal that ends a command under nohup that is sent SIGHUP and, half a second later, SIGTERM.
ended_by() {
  nohup "$@" >/dev/null 2>&1 </dev/null &
  sleep 1
  kill -HUP $!
  sleep 0.5
  kill -TERM $! 2>/dev/null || true
  local status=0
  wait $! 2>/dev/null || status=$?
  echo $((status - 128))
}

echo "sleep under nohup: ended by signal $(ended_by sleep 60), Node under nohup: by signal $(
  ended_by "$node" --eval 'setTimeout(() => {}, 60_000)'
)" | tee output
diff output - <<'TEXT'
sleep under nohup: ended by signal 15, Node under nohup: by signal 1
TEXT
