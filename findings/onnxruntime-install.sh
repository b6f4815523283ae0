#!/usr/bin/env bash
# package: onnxruntime-node 1.30.0 (npm), Linux on x86-64
# guess:   the CPU library lies in the package; the install script adds GPU libraries where they are wanted, and goes on
#          without them where they cannot be had
# happens: the CPU library lies in the package and runs a model, but without an outside network the script fails, on a
#          machine without a GPU too, and npm takes back the whole installation of whatever depends on the package.
#          ONNXRUNTIME_NODE_INSTALL=skip, npm's allowScripts or --ignore-scripts leaves the script out
# output:  Error: getaddrinfo EAI_AGAIN api.nuget.org    (exit code 1)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund --silent onnxruntime-node@1.30.0

# y = Relu(x) for two floats, as an ONNX file in protobuf's bytes.
cat >run.cjs <<'EOF'
const field = (number, bytes) => [(number << 3) | 2, bytes.length, ...bytes];
const text = (number, words) => field(number, [...Buffer.from(words)]);
const shape = field(2, field(1, [8, 2])); // one dimension of size 2
const value = (name) => [...text(1, name), ...field(2, field(1, [8, 1, ...shape]))];
const node = [...text(1, "x"), ...text(2, "y"), ...text(4, "Relu")];
const graph = [...field(1, node), ...text(2, "g"), ...field(11, value("x")), ...field(12, value("y"))];
const model = Buffer.from([8, 8, ...field(7, graph), ...field(8, [16, 17])]);
const { InferenceSession, Tensor } = require("onnxruntime-node");
InferenceSession.create(model)
  .then((session) => session.run({ x: new Tensor("float32", [-1, 2], [2]) }))
  .then(({ y }) => console.log([...y.data].join()));
EOF
answer=$(node run.cjs)
echo "without its install script the CPU library answers: $answer"
[[ $answer == 0,2 ]]

# The script alone, where there is no network but the loopback; npm tells it where the project is.
status=0
(cd node_modules/onnxruntime-node && unshare --net env -u ONNXRUNTIME_NODE_INSTALL node script/install >"$work/log" 2>&1) ||
  status=$?
echo "its install script without a network: exit code $status"
grep -m 1 'Error:' "$work/log"
[[ $status == 1 ]]
