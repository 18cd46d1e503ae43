#!/usr/bin/env bash
# The job behind an array that submit.sh submits: puts the parts together, and of a check makes the report.
#   merge.sh FOLDER VERB ARGUMENTS…   FOLDER: where whole.sh is, since Slurm runs a copy of this file.
set -euo pipefail
read -ra retouch <<<"${RETOUCH:-retouch}"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
# shellcheck source=deploy/slurm/whole.sh
. "$1/whole.sh"
shift
whole "$@"
"${retouch[@]}" merge --out "$whole" --overwrite
if [ "$1" = check ]; then
    if [[ $given == *" --resume "* ]]; then "${retouch[@]}" "$@"; else "${retouch[@]}" "$@" --resume; fi
fi
