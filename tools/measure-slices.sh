#!/bin/sh
# Slices of PACS's paintings, found without labels, against the groups that mining finds with them: docs/slices.md has
# the figures. Settings were chosen on two of the classes (horse, dog); the other two are what is reported.
#   tools/measure-slices.sh [FOLDER]      FOLDER keeps what is made; by default a temporary one.
# It needs the shared data (CONTRIBUTING.md) at RETOUCH_SHARED and a Release build.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
real=${RETOUCH_SHARED:-$root/../shared}/real
out=${1:-$(mktemp -d)}
mkdir -p "$out"
retouch() { dotnet "$root"/src/Retouch.Cli/bin/Release/net10.0/*/Retouch.Cli.dll "$@"; }

# What counts as right, as the paper has it: dogs are 118 classes, the other three are none of ImageNet's.
python3 -c 'import json, sys; json.dump({"elephant": [386, 101, 385], "guitar": [402, 546], "horse": [339],
    "dog": list(range(151, 269)), "giraffe": [], "house": [], "person": []}, sys.stdout)' > "$out/accept.json"
model="--model $real/vit_tiny_patch16_224.augreg_in21k_ft_in1k.safetensors --labels $real/imagenet1k_labels.json"
art=$real/pacs/art_painting
# shellcheck disable=SC2086
retouch mine $model --images "$art" --accept "$out/accept.json" --min 5 --out "$out/mined.json" --quiet > /dev/null
# shellcheck disable=SC2086
retouch slices $model --images "$art" --out "$out/slices.html" --json --quiet > "$out/slices.json"
python3 "$root/tools/measure-slices.py" "$out/slices.json" "$out/mined.json" "$out/accept.json" 8
