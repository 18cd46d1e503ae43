#!/usr/bin/env bash
# Submits a verb as an array of tasks to Slurm, and a job behind it that puts their parts together:
#   deploy/slurm/submit.sh TASKS [SBATCH OPTIONS… --] VERB ARGUMENTS…
#   deploy/slurm/submit.sh 100 --time=2:00:00 --cpus-per-task=4 -- mine --model vit_base_patch16_224 --images photos --out mined.json
# VERB: solve-targets, mine, check or bench, with the arguments of a single run. RETOUCH says how Retouch is called, by
# default retouch; "dotnet /opt/retouch/Retouch.Cli.dll" works, too. All nodes must see the files under the same paths.
# A task that is killed, or whose node fails, is queued again and goes on where it was, at most RETOUCH_RESTARTS times
# (10). docs/clusters.md has the rest.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 2; }
fail() { echo "error: $*" >&2; exit 2; }

[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
tasks=$1; shift
options=()
while [[ ${1:-} == -* ]]; do
    if [ "$1" = -- ]; then shift; break; fi
    options+=("$1"); shift
done
[ $# -gt 0 ] || usage
case $1 in solve-targets | mine | check | bench) ;; *) fail "$1 is not shared out; solve-targets, mine, check and bench are." ;; esac
for argument in "$@"; do
    case $argument in --shard | --shard=*) fail "--shard is given by the array; leave it out." ;; esac
done
# shellcheck source=deploy/slurm/whole.sh
. "$here/whole.sh"
whole "$@"
[ -n "$whole" ] || fail "$1 must be told where to write: --out, or --bank of solve-targets."
[ "$tasks" -gt 1 ] || fail "One task is a single run: submit it as one, without this."
case $1 in
    mine | check) [ ! -e "$whole" ] || fail "$whole exists; take it away, or name another." ;;
    bench) [ ! -e "$whole/rows.jsonl" ] || fail "$whole/rows.jsonl exists; take it away, or name another folder." ;;
esac

# With it a part of the array that someone submits again by hand is not taken for an array of its own.
export RETOUCH_SHARDS=$tasks
array=$(sbatch --parsable --requeue --open-mode=append --signal=B:USR1@120 --job-name="retouch-$1" \
    ${options[@]+"${options[@]}"} --array="0-$((tasks - 1))" "$here/array.sh" "$@")
array=${array%%;*}
merge=$(sbatch --parsable --requeue --open-mode=append --job-name="retouch-merge" --dependency="afterok:$array" \
    --kill-on-invalid-dep=yes ${options[@]+"${options[@]}"} "$here/merge.sh" "$here" "$@")
echo "array $array, $tasks tasks; merge ${merge%%;*}, which makes $whole"
