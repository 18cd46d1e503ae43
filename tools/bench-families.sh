#!/usr/bin/env bash
# Trains a small model of each family on the letters and edits about ten of its mistakes by each method that it admits,
# as docs/results.md has it.
#   tools/bench-families.sh [--smoke] [WORK] [FAMILY...]   WORK: a folder for pictures, models and runs, by default
#                                                          bench-families; families: all of the table
# Needs the .NET SDK and npm, for the typefaces (see rebuild-demo.sh). --smoke takes the pictures of assets/demo instead
# and trains for an epoch, to see that all of it runs. An interrupted run goes on where it was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
smoke=
if [ "${1:-}" = --smoke ]; then smoke=1; shift; fi
work=${1:-bench-families}; shift || true
families=${*:-vit dinov3 eva02 beit siglip swin}
mkdir -p "$work/fonts" "$work/models"
if [ -z "${RETOUCH_BUILT:-}" ]; then
    dotnet build src/Retouch.Cli -c Release -v quiet
    dotnet build tools/Retouch.Letters -c Release -v quiet
fi
export OMP_NUM_THREADS=1 # fastest, since the models are small
retouch() { dotnet run --no-build --project src/Retouch.Cli -c Release -- "$@"; }
letters() { dotnet run --no-build --project tools/Retouch.Letters -c Release -- "$@"; }
world=$work/world fonts=tools/Retouch.Letters/fonts.tsv config=tools/families.config.json min=8 part=()
if [ -n "$smoke" ] && [ ! -e "$world/labels.txt" ]; then
    letters unpack assets/demo/images.zip "$world"
    cp -r "$world/locality" "$world/train"
    cp assets/demo/labels.txt "$world/labels.txt"
elif [ ! -e "$world/labels.txt" ]; then
    tail -n +2 "$fonts" | while IFS=$'\t' read -r _ package version _; do
        name=${package#@}; file="$work/fonts/${name//\//-}-$version.tgz"
        [ -s "$file" ] || echo "$package@$version"
    done | xargs -r -n 12 npm pack --silent --pack-destination "$work/fonts" >/dev/null
    letters render "$fonts" "$work/fonts" "$world"
fi
if [ -n "$smoke" ]; then
    config=$work/smoke.config.json min=1 part=(--shard 0/40)
    sed 's/"epochs": [0-9]*/"epochs": 2/; s/"\(warmUpEpochs\|rampEpochs\)": [0-9]*/"\1": 1/' tools/families.config.json >"$config"
fi
for family in $families; do
    model=$work/models/$family.safetensors
    [ -e "$model" ] || retouch pretrain --family "$family" --images "$world/train" --labels "$world/labels.txt" \
        --held-out "$world/locality" --config "$config" --resume --out "$model"
    common=(--model "$model" --labels "$world/labels.txt" --images "$world/natural" --locality "$world/locality")
    retouch mine "${common[@]}" --min "$min" --overwrite --out "$work/$family.json"
    # At least ten edits, as many of each group.
    groups=$(grep -c '"wrong"' "$work/$family.json")
    each=$(((groups + 9) / groups))
    run() { # METHOD OPTION...
        local method=$1; shift
        retouch bench "${common[@]}" --benchmark "$work/$family.json" --near "$world/natural" --methods "$method" \
            --max-edits-per-group "$each" "${part[@]}" --gallery 0 --resume --out "$work/runs/$family-$method" "$@" || echo "$family: no $method"
    }
    for method in kfac gate repair; do
        prep=$work/$family-$method.prep
        [ -e "$prep" ] || retouch prepare --model "$model" --images "$world/train" --method "$method" --out "$prep" || continue
        run "$method" --prepared "$prep"
    done
    run masked-fine-tuning --locator gradient --keep 0.25 --lr 5e-4
    run lora
    run head-alone
done
