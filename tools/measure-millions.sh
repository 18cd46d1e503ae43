#!/usr/bin/env bash
# Measures mine and check on a long list over few images, as docs/scale.md has it: the model is asked about the images
# once, into an index; every row of the lists is then known by its bytes. A tenth of the rows, then all of them, so that
# memory and time can be seen to be flat and linear.
#   tools/measure-millions.sh [ROWS] [IMAGES] [WORK]   1000000 rows over 10000 images in the folder measure-millions
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rows=${1:-1000000} images=${2:-10000} work=$(mkdir -p "${3:-measure-millions}" && cd "${3:-measure-millions}" && pwd)
assets=$PWD/assets/demo
if [ -z "${RETOUCH_BUILT:-}" ]; then
    dotnet build tools/Retouch.Letters -c Release -v quiet
    dotnet build src/Retouch.Cli -c Release -v quiet
fi
cli=$(find "$PWD/src/Retouch.Cli/bin/Release" -name Retouch.Cli.dll -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-)
letters() { dotnet run --no-build --project tools/Retouch.Letters -c Release -- "$@"; }
[ -d "$work/letters" ] || letters unpack "$assets/images.zip" "$work/letters"
letters many "$work/letters" "$work/images" "$images"
cd "$work"
rm -rf index ./*.json

# The same images under as many names as there are rows: a list, and a link to the folder for each time over.
list() {
    find images -name '*.png' | LC_ALL=C sort | cut -d/ -f2- > names.txt
    awk -v rows="$1" '
        BEGIN { print "path,class" }
        { names[NR] = $0 }
        END { for (i = 0; i < rows; i++) { n = names[i % NR + 1]; split(n, p, "/"); printf "c%d/%s,%s\n", i / NR, n, p[1] } }
    ' names.txt > "$2"
    for ((i = 0; i <= $1 / images; i++)); do ln -sfn images "c$i"; done
}
list $((rows / 10)) tenth.csv
list "$rows" all.csv

# Runs a command and says how long it took and how much memory it had at most.
measured() {
    local begin=$EPOCHREALTIME peak=0 cpu=0 now
    dotnet "$cli" "$@" > out.txt 2> err.txt &
    local process=$!
    while [ -e "/proc/$process/status" ]; do
        now=$(awk '/^VmHWM/ {print $2}' "/proc/$process/status" 2>/dev/null || true); peak=${now:-$peak}
        now=$(awk '{print ($14 + $15) / 100}' "/proc/$process/stat" 2>/dev/null || true); cpu=${now:-$cpu}
        sleep 0.1
    done
    wait $process || { cat err.txt; exit 1; }
    awk -v what="$name" -v s="$begin" -v e="$EPOCHREALTIME" -v m="$peak" -v c="$cpu" \
        'BEGIN { printf "%-28s %7.1f s, %7.1f s of processor, %4d MiB at most\n", what, e - s, c, m / 1024 }'
}
common=(--model "$assets/model.safetensors" --labels "$assets/labels.txt" --index index)
name="mine, $images images, asked" measured mine "${common[@]}" --images images --out images.json
for part in tenth all; do
    count=$(($(wc -l < $part.csv) - 1))
    name="mine, $count rows" measured mine "${common[@]}" --images $part.csv --out $part.json
    grep -q ' 0 were added' err.txt
    name="check, $count rows" measured check "${common[@]}" --images $part.csv
    grep -q ' 0 were added' err.txt
done
