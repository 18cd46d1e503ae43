#!/usr/bin/env bash
# Rebuilds everything in assets/demo from nothing: fonts from npm, pictures, model, locator, statistics, benchmark.
# Needs the .NET SDK and npm; takes 40 minutes on two quiet cores. An interrupted run goes on where it was.
#   tools/rebuild-demo.sh [--smoke] [WORK]    WORK: a folder for what is not kept, by default build-demo
# --smoke sees in a minute or two that every step runs: it needs no npm, for it takes the pictures from assets/demo
# instead of drawing them, makes as little as can be, and writes WORK/assets instead of assets/demo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
smoke=
if [ "${1:-}" = --smoke ]; then smoke=1; shift; fi
work=${1:-build-demo}
assets=assets/demo fonts=tools/Retouch.Letters/fonts.tsv config=tools/letters.config.json masks=2000 epochs=12
mkdir -p "$work/fonts"
if [ -n "$smoke" ]; then
    head -n 1 "$fonts" >"$work/no-fonts.tsv"
    sed 's/"epochs": [0-9]*/"epochs": 1/; s/"\(warmUpEpochs\|rampEpochs\)": [0-9]*/"\1": 0/' "$config" >"$work/smoke.config.json"
    assets=$work/assets fonts=$work/no-fonts.tsv config=$work/smoke.config.json masks=24 epochs=1
fi
mkdir -p "$assets"

if [ -z "${RETOUCH_BUILT:-}" ]; then
    dotnet build src/Retouch.Cli -c Release -v quiet
    dotnet build tools/Retouch.Letters -c Release -v quiet
fi
retouch() { dotnet run --no-build --project src/Retouch.Cli -c Release -- "$@"; }
letters() { dotnet run --no-build --project tools/Retouch.Letters -c Release -- "$@"; }

# 1. Fonts: packages, never unpacked, never committed.
tail -n +2 "$fonts" | while IFS=$'\t' read -r _ package version _; do
    name=${package#@}; file="$work/fonts/${name//\//-}-$version.tgz"
    [ -s "$file" ] || echo "$package@$version"
done | xargs -r -n 12 npm pack --silent --pack-destination "$work/fonts" >/dev/null

# 2. Pictures, and the two subsets that image processing makes.
if [ ! -e "$work/world/done" ]; then
    rm -rf "$work/world"
    mkdir -p "$work/world"
    letters render "$fonts" "$work/fonts" "$work/world"
    if [ -n "$smoke" ]; then
        letters unpack assets/demo/images.zip "$work/world"
        rm -rf "$work/world/oil" "$work/world/stage"
        cp -r "$work/world/locality" "$work/world/train"
        for set in oil stage; do
            mkdir -p "$work/world/before-$set"
            cp -r "$work/world/natural"/[AB] "$work/world/before-$set"
        done
    fi
    retouch shift --kind oil-painting --images "$work/world/before-oil" --out "$work/world/oil"
    retouch shift --kind stage-light --images "$work/world/before-stage" --out "$work/world/stage"
    touch "$work/world/done"
fi
world=$work/world
cp "$world/labels.txt" "$assets/labels.txt"

# 3. The model.
[ -e "$work/model.safetensors" ] || retouch pretrain --images "$world/train" --labels "$assets/labels.txt" --held-out "$world/locality" \
    --config "$config" --half --resume --out "$work/model.safetensors"
cp "$work/model.safetensors" "$assets/model.safetensors"
# One epoch teaches next to nothing, and what follows needs a model that is mostly right.
[ -z "$smoke" ] || cp assets/demo/model.safetensors "$assets/model.safetensors"

# 4. Its failures, the images to keep, and the benchmark over those.
retouch mine --model "$assets/model.safetensors" --labels "$assets/labels.txt" --images "$world/natural" "$world/oil" "$world/stage" \
    --locality "$world/locality" --min 8 --out "$work/all.json" --overwrite
letters pack "$assets/images.zip" "$work/all.json" 6 "$world/natural" "$world/oil" "$world/stage" "$world/locality"
rm -rf "$work/kept"
letters unpack "$assets/images.zip" "$work/kept"
retouch mine --model "$assets/model.safetensors" --labels "$assets/labels.txt" --images "$work/kept/natural" "$work/kept/oil" "$work/kept/stage" \
    --locality "$work/kept/locality" --min 8 --out "$assets/benchmark.json" --overwrite

# 5. The locator, on pictures of training alone.
retouch solve-targets --model "$assets/model.safetensors" --images "$world/train" --bank "$work/bank" --count "$masks" \
    --start-range 0 --outer-steps 1 --inner-steps 1 --inner-lr 1e-3 --sign-steps --temperature 1 --ordinary 6 --locality-share 0.8 --density 0.2
retouch train-locator --model "$assets/model.safetensors" --bank "$work/bank" --input feature+gradient --min-divergence 0.5 --held-out 0.1 --epochs "$epochs" \
    --half --resume --overwrite --out "$work/locator.safetensors"
cp "$work/locator.safetensors" "$assets/locator.safetensors"

# 6. What kfac and gate need of ordinary images.
retouch prepare --model "$assets/model.safetensors" --images "$world/train" --method kfac --overwrite --out "$assets/inputs.safetensors"
retouch prepare --model "$assets/model.safetensors" --images "$world/train" --method gate --overwrite --out "$assets/gate.safetensors"
ls -l "$assets"
