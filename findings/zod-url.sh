#!/usr/bin/env bash
# package: zod 4.6.7, typescript 5.9.3 and 7.0.2 (npm)
# guess:   a library that runs everywhere and depends on nothing type-checks with the library of ES2022 alone
# happens: its declarations use a global URL and import nothing for it: a program without Node.js's types and the DOM's
#          fails where libraries are checked (the compiler's default), whatever it uses of zod; and so do the users of
#          packages whose types mention zod's
# output:  node_modules/zod/v4/core/schemas.d.ts: error TS2304: Cannot find name 'URL'.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true, "type": "module" }' >package.json
npm install --ignore-scripts --no-audit --no-fund --silent zod@4.6.7 ts59@npm:typescript@5.9.3 ts7@npm:typescript@7.0.2
echo 'import { z } from "zod"; export const name: string = z.string().parse("a");' >program.ts

check() { # check COMPILER LIB: the errors' codes, names and numbers
  cat >tsconfig.json <<EOF
{ "compilerOptions": { "strict": true, "noEmit": true, "target": "ES2022", "lib": $2, "types": [],
    "module": "NodeNext", "moduleResolution": "NodeNext" }, "files": ["program.ts"] }
EOF
  { node "node_modules/$1/bin/tsc" -p . || true; } | sed -n 's/.*schemas\.d\.c\?ts.*error \(TS[0-9]*\): /\1 /p' | sort | uniq -c
}
for compiler in ts59 ts7; do
  alone=$(check "$compiler" '["ES2022"]')
  echo "$compiler, ES2022 alone: $alone"
  [[ $alone == *"TS2304 Cannot find name 'URL'"* ]]
  [[ -z $(check "$compiler" '["ES2022", "DOM"]') ]]
done
