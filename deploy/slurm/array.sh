#!/usr/bin/env bash
# A task of an array that submit.sh submits: does its part, and is queued again where it was stopped.
set -uo pipefail
read -ra retouch <<<"${RETOUCH:-retouch}"
# Sums depend on the number of threads in their last bit; the whole is that of one run with as many.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
more=()
case $1 in
    # What a task has written it goes on with; what is written whole or not at all it writes again.
    check | bench) [[ " $* " == *" --resume "* ]] || more=(--resume) ;;
    mine) [[ " $* " == *" --overwrite "* ]] || more=(--overwrite) ;;
esac

stopped=
# Sent shortly before the time that was asked for is over.
trap 'stopped=1; kill -TERM "$task" 2>/dev/null' USR1
"${retouch[@]}" "$@" ${more[@]+"${more[@]}"} --shard auto &
task=$!
# A signal ends a wait, not the task.
while :; do
    wait "$task"
    code=$?
    kill -0 "$task" 2>/dev/null || break
done
# Ended from outside, such as for want of memory: that may go well elsewhere.
if { [ -n "$stopped" ] && [ "$code" -ne 0 ] || [ "$code" -ge 128 ]; } && [ "${SLURM_RESTART_COUNT:-0}" -lt "${RETOUCH_RESTARTS:-10}" ]; then
    echo "stopped with status $code; queued again" >&2
    scontrol requeue "$SLURM_JOB_ID" && sleep 60
fi
exit "$code"
