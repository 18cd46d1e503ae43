#!/usr/bin/env bash
# Measures methods on the letters world, as docs/results.md has it: 4 edits a group, three subsets.
#   tools/bench-letters.sh [--smoke] [WORK]   WORK: a folder for the runs and the report, by default bench-letters
# --smoke measures one edit a group and of each setting the first value alone, to see that all of it runs.
# OMP_NUM_THREADS=1 is fastest, since the model is small. An interrupted run goes on where it was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
smoke=
if [ "${1:-}" = --smoke ]; then smoke=1; shift; fi
work=${1:-bench-letters} assets=assets/demo
edits=${smoke:-4} gallery=${smoke:-8}
# Of a list of values, all or the first.
few() { if [ -n "$smoke" ]; then echo "${1%%,*}"; else echo "$1"; fi; }
mkdir -p "$work"
if [ -z "${RETOUCH_BUILT:-}" ]; then
    dotnet build src/Retouch.Cli -c Release -v quiet
    dotnet build tools/Retouch.Letters -c Release -v quiet
fi
retouch() { dotnet run --no-build --project src/Retouch.Cli -c Release -- "$@"; }
dotnet run --no-build --project tools/Retouch.Letters -c Release -- unpack "$assets/images.zip" "$work/images"

common=(--model "$assets/model.safetensors" --labels "$assets/labels.txt" --benchmark "$assets/benchmark.json"
        --images "$work/images/natural" "$work/images/oil" "$work/images/stage" --locality "$work/images/locality")
run() { local name=$1; shift; retouch bench "${common[@]}" --max-edits-per-group "$edits" --gallery 0 --resume --out "$work/$name" "$@"; }

run masks  --locator "$(few hypernetwork,gradient,random)" --keep "$(few 0.5,0.25,0.1,0.05)" --lr 5e-4
run ft     --locator all --lr "$(few 1e-4,2e-4,3e-4,5e-4)"
run ft-l2  --methods ft-l2 --set strength="$(few 0.001,0.01,0.1)" lr=5e-4
run kfac   --methods kfac --set damping="$(few 10,1,0.1,0.01)"
run all    --methods kfac --set damping="$(few 10,1,0.1,0.01)" --locator all
run gate   --methods gate --set evidence=0 drive=8 leak="$(few 0.1,0.05,0.02)" gain="$(few 1,2,3)"

retouch bench report "$work/masks" "$work/ft" "$work/ft-l2" "$work/kfac" "$work/all" "$work/gate" --labels "$assets/labels.txt" --out "$work/report.html" --overwrite \
    --gallery "$gallery" --model "$assets/model.safetensors" --images "$work/images/natural" "$work/images/oil" "$work/images/stage" --locality "$work/images/locality"
