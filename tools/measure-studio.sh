#!/usr/bin/env bash
# Measures the studio on many images in a browser, as docs/studio.md has it: the index, killed in the middle and gone on
# with, pages, scrolling, the map, and memory.
#   tools/measure-studio.sh [COUNT] [WORK]   COUNT: 100000 by default; WORK: a folder, by default measure-studio
# Needs Chromium. OMP_NUM_THREADS=1 is fastest, since the model is small.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
count=${1:-100000} work=$(mkdir -p "${2:-measure-studio}" && cd "${2:-measure-studio}" && pwd) assets=assets/demo
if [ -z "${RETOUCH_BUILT:-}" ]; then
    dotnet build tests/Retouch.Tests -c Release -v quiet
    dotnet build tools/Retouch.Letters -c Release -v quiet
fi
letters() { dotnet run --no-build --project tools/Retouch.Letters -c Release -- "$@"; }
[ -d "$work/letters" ] || letters unpack "$assets/images.zip" "$work/letters"
letters many "$work/letters" "$work/images" "$count"
cli=$(dirname "$(ls -t tests/Retouch.Tests/bin/Release/*/*/Retouch.Cli.dll | head -1)")
rm -rf "$work/index" "$work/ledger"; : > "$work/figures.txt"
serve() {
    : > "$work/serve.log"
    dotnet "$cli/Retouch.Cli.dll" serve --model "$assets/model.safetensors" --labels "$assets/labels.txt" \
        --images "$work/images" --locality "$work/letters/locality" --ledger "$work/ledger" --work "$work/index" \
        > "$work/serve.log" 2>&1 &
    server=$!
    until grep -q 'studio: http' "$work/serve.log"; do sleep 0.1; kill -0 $server; done
}
trap 'kill $server 2>/dev/null || true' EXIT
lines() { cat "$work"/index/*/images.jsonl 2>/dev/null | wc -l; }
say() { echo "$*" | tee -a "$work/figures.txt"; }

begin=$SECONDS
serve
until [ "$(lines)" -ge $((count / 2)) ]; do sleep 0.2; done
kill -9 $server; wait $server 2>/dev/null || true
say "killed after $((SECONDS - begin)) s with $(lines) images in the index"
begin=$SECONDS
serve
until [ "$(lines)" -ge $((count + 576)) ]; do sleep 0.2; done
say "the rest $((SECONDS - begin)) s, $(lines) images in the index"
say "the server while it read: $(grep -E 'VmHWM' /proc/$server/status | tr -s '\t ' ' ')"
kill $server; wait $server 2>/dev/null || true
serve
RETOUCH_STUDIO=$(grep -o 'http://.*' "$work/serve.log") RETOUCH_STUDIO_PROCESS=$server RETOUCH_FIGURES=$work/figures.txt \
    dotnet run --no-build --project tests/Retouch.Tests -c Release -- \
    -method Retouch.Tests.Studio.StudioManyTests.Figures > "$work/test.log" || { cat "$work/test.log"; exit 1; }
cat "$work/figures.txt"
