#!/bin/bash
# Has schemathesis ask an API that `edgeway import openapi` has made of shop.yaml, and that answers from it: what the gateway refuses and what
# it answers has to be as the document says. Takes half a minute. `SCHEMATHESIS` names the program, and `EDGEWAY_BIN` another gateway.
set -euo pipefail
cd "$(dirname "$0")"
schemathesis=${SCHEMATHESIS:-schemathesis}
edgeway=${EDGEWAY_BIN:-../../target/debug/edgeway}
port=${PORT:-18971}
folder=$(mktemp -d)
gateway=
trap '[ -z "$gateway" ] || kill "$gateway"; rm -r "$folder"' EXIT

# The longest URLs that every platform takes: some that are made are longer, and get 414.
echo '{ "limits": { "urlBytes": "16KiB" } }' > "$folder/gateway.json"
"$edgeway" import openapi shop.yaml --into "$folder/gateway.json"
sed -i 's/"document": "shop"/"document": "shop", "mock": "on"/' "$folder/gateway.json"
"$edgeway" serve "$folder/gateway.json" --listen "127.0.0.1:$port" > "$folder/log" 2>&1 &
gateway=$!
for _ in $(seq 50); do
  curl --silent --output /dev/null "http://127.0.0.1:$port/" && break
  kill -0 "$gateway" || { cat "$folder/log"; exit 1; }
  sleep 0.1
done
cp shop.yaml schemathesis.toml "$folder"
cd "$folder"
"$schemathesis" --config-file schemathesis.toml run shop.yaml --url "http://127.0.0.1:$port/v1" --max-examples "${EXAMPLES:-100}" --no-color
