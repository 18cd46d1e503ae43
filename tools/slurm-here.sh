#!/usr/bin/env bash
# Starts Slurm on this machine alone, as two nodes, runs deploy/slurm's arrays of 8 over solve-targets, mine, check and
# bench on the repository's letters, kills, requeues and takes a node away meanwhile, and compares what is merged with
# what a single run writes, to the byte.
#   tools/slurm-here.sh [WORK]   WORK: a folder for all of it, by default a temporary one that is removed
# Needs Debian's slurm-wlm and munge, and root: apt-get install --no-install-recommends slurm-wlm munge
# Neither systemd nor cgroups are used. Whatever happens, what was started is stopped. 77 means that it cannot be run here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
skip() { echo "skipped: $*" >&2; exit 77; }
fail() { echo "failed: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || skip "Slurm starts tasks as root"
for program in munged slurmctld slurmd sbatch scontrol squeue unzip; do
    command -v "$program" >/dev/null || skip "there is no $program (apt-get install slurm-wlm munge unzip)"
done

if [ -n "${1:-}" ]; then mkdir -p "$1"; work=$(cd "$1" && pwd); keep=1; else work=$(mktemp -d); keep=; fi
export SLURM_CONF=$work/slurm/slurm.conf
# The tasks' own environment: nothing of an array that this script may itself be a task of.
unset "${!SLURM_ARRAY_@}" SLURM_JOB_ID SLURM_JOBID JOB_COMPLETION_INDEX SGE_TASK_ID LSB_JOBINDEX RETOUCH_SHARDS 2>/dev/null || true
export OMP_NUM_THREADS=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
step() { echo "[$(printf %3d "$SECONDS") s] $*"; }

# --- the program -----------------------------------------------------------------------------------------------------
[ -n "${RETOUCH_BUILT:-}" ] || dotnet build src/Retouch.Cli -c Release -v quiet
dll=$(find src/Retouch.Cli/bin/Release -name Retouch.Cli.dll | head -n 1)
[ -n "$dll" ] || fail "src/Retouch.Cli is not built"
dotnet=$(readlink -f "$(command -v dotnet)")
export RETOUCH="$dotnet $root/$dll"
retouch() { $RETOUCH "$@"; }

# --- the cluster -----------------------------------------------------------------------------------------------------
s=$work/slurm
stop() {
    local status=$? pid
    trap - EXIT INT TERM
    [ ! -e "$SLURM_CONF" ] || timeout 20 scancel --user=root --quiet 2>/dev/null || true
    for pid in $(cat "$s"/*.pid 2>/dev/null); do kill "$pid" 2>/dev/null || true; done
    for ((i = 0; i < 50; i++)); do
        [ -n "$(ours)" ] || break
        sleep 0.2
    done
    for pid in $(ours); do kill -9 "$pid" 2>/dev/null || true; done
    if [ "$status" != 0 ]; then
        for log in "$work"/slurm-*.out "$s"/*.log; do
            [ ! -s "$log" ] || { echo "--- $log"; tail -n 25 "$log"; } >&2
        done
    fi
    [ -n "$keep" ] || rm -rf "$work"
    exit "$status"
}
# Processes of this cluster alone, of one node where it is named: daemons have their log open, tasks what they were given.
ours() { # [NODE]
    local process pid
    for process in /proc/[0-9]*; do
        pid=${process#/proc/}
        case $(cat "$process/comm" 2>/dev/null) in
            *slurm* | munged | dotnet | sleep) ;;
            *) continue ;;
        esac
        if readlink "$process"/fd/* 2>/dev/null | grep -qF "$s/${1:+$1.log}"; then
            echo "$pid"
        elif grep -qzxF "RETOUCH_SLURM_HERE=$work" "$process/environ" 2>/dev/null &&
            { [ -z "${1:-}" ] || grep -qzxF "SLURMD_NODENAME=$1" "$process/environ" 2>/dev/null; }; then
            echo "$pid"
            # What looks after a task has overwritten its own environment.
            [ "$(cat "$process/comm" 2>/dev/null)" != slurm_script ] || sed -n 's/^PPid:[[:space:]]*//p' "$process/status" 2>/dev/null
        fi
    done
}
trap stop EXIT
trap 'exit 130' INT TERM

free_ports() { # N ports of the loopback device that nobody listens on
    local port found=0
    for ((port = 20000 + RANDOM % 20000; found < $1; port++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; found=$((found + 1)); }
    done
}
mkdir -p "$s/state" "$s/spool-here1" "$s/spool-here2" "$s/munge"
chmod 755 "$work" "$s" "$s/munge"
head -c 1024 /dev/urandom >"$s/munge.key"
chmod 600 "$s/munge.key"
host=$(hostname -s)
mapfile -t port < <(free_ports 3)
# A requeued job waits until its old credential has expired, which is two minutes by default.
cat >"$SLURM_CONF" <<CONF
ClusterName=here
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${port[0]}
AuthType=auth/munge
AuthInfo=socket=$s/munge/munge.sock,cred_expire=15
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$s/state
SlurmdSpoolDir=$s/spool-%n
SlurmctldPidFile=$s/slurmctld.pid
SlurmdPidFile=$s/%n.pid
SlurmctldLogFile=$s/slurmctld.log
SlurmdLogFile=$s/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=300
MessageTimeout=60
KillWait=5
MinJobAge=3600
SchedulerParameters=sched_interval=5,batch_sched_delay=1
NodeName=here1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${port[1]} CPUs=2
NodeName=here2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${port[2]} CPUs=2
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export RETOUCH_SLURM_HERE=$work
step "starting Slurm ($(slurmctld -V)) on loopback"
munged --force --key-file="$s/munge.key" --socket="$s/munge/munge.sock" --pid-file="$s/munged.pid" \
    --log-file="$s/munged.log" --seed-file="$s/munge.seed"
slurmctld
slurmd -N here1
slurmd -N here2
# A command that fails since the controller is busy is given again.
patiently() { # COMMAND…
    local i
    for ((i = 0; i < 30; i++)); do
        "$@" 2>"$s/last-error" && return
        sleep 1
    done
    cat "$s/last-error" >&2
    return 1
}
until_true() { # SECONDS WHAT COMMAND…
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "$what did not happen in time"
        sleep 0.2
    done
}
idle() { [ "$(sinfo --noheader --format=%D --states=idle 2>/dev/null)" = 2 ]; }
until_true 60 "two idle nodes" idle

# --- what is run -----------------------------------------------------------------------------------------------------
assets=$root/assets/demo
unzip -q "$assets/images.zip" -d "$work/images"
model=(--model "$assets/model.safetensors")
images=(--images "$work/images/natural" "$work/images/oil" "$work/images/stage")
arguments() { # VERB FOLDER: one argument a line
    case $1 in
        solve-targets) printf '%s\n' "${model[@]}" --images "$work/images/locality" --count 250 --batch 2 --outer-steps 8 --inner-steps 1 --bank "$2/bank" ;;
        mine) printf '%s\n' "${model[@]}" --labels "$assets/labels.txt" "${images[@]}" --locality "$work/images/locality" --min 3 --out "$2/mined.json" ;;
        check) printf '%s\n' "${model[@]}" --labels "$assets/labels.txt" "${images[@]}" --report "$2/check.html" --thumbnails 20 --out "$2/check.jsonl" ;;
        bench) printf '%s\n' "${model[@]}" --labels "$assets/labels.txt" --benchmark "$assets/benchmark.json" "${images[@]}" --locality "$work/images/locality" --locator random --lr 1e-5 --steps 300 --max-edits-per-group 1 --batch 1 --gallery 0 --out "$2/run" ;;
    esac
}
verbs=(solve-targets bench mine check)
mkdir -p "$work/single" "$work/array"
cd "$work"
declare -A array merge
for verb in "${verbs[@]}"; do
    mapfile -t args < <(arguments "$verb" "$work/array")
    said=$(patiently "$root/deploy/slurm/submit.sh" 8 --cpus-per-task=1 -- "$verb" "${args[@]}")
    [[ $said =~ ^array\ ([0-9]+),\ .*\ merge\ ([0-9]+), ]] || fail "submit.sh said: $said"
    array[$verb]=${BASH_REMATCH[1]} merge[$verb]=${BASH_REMATCH[2]}
    step "$verb: $said"
done

# --- what goes wrong meanwhile ---------------------------------------------------------------------------------------
running() { squeue --noheader --states=running --array --format='%A %F %K %N' 2>/dev/null; } # job, array, task, node
# The process of a task that does the work, not the shell around it.
worker() { # ARRAY TASK
    local process
    for process in /proc/[0-9]*; do
        [ "$(cat "$process/comm" 2>/dev/null)" = dotnet ] || continue
        tr '\0' '\n' <"$process/environ" 2>/dev/null | grep -qx "SLURM_ARRAY_JOB_ID=$1" || continue
        tr '\0' '\n' <"$process/environ" 2>/dev/null | grep -qx "SLURM_ARRAY_TASK_ID=$2" && echo "${process#/proc/}" && return
    done
    return 1
}
restarts() { # JOB
    scontrol show job "$1" 2>/dev/null | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p' | head -n 1
}
restarted() { local n; n=$(restarts "$1"); [ "${n:-0}" -ge 1 ]; }
kill_a_target_solver() {
    local job its task node pid
    while read -r job its task node; do
        [ "$its" = "${array[solve-targets]}" ] || continue
        pid=$(worker "$its" "$task") && kill -9 "$pid" 2>/dev/null && echo "$job $its $task $node" >"$s/hit" && return
    done < <(running)
    return 1
}
requeue_a_bench() { # one that has written some rows and not yet all
    local job its task node rows
    while read -r job its task node; do
        [ "$its" = "${array[bench]}" ] || continue
        rows=$work/array/run/rows-$task-of-8.jsonl
        [ -s "$rows" ] || continue
        timeout 60 scontrol requeue "${its}_$task" 2>/dev/null && echo "$job $its $task $node" >"$s/hit" && return
    done < <(running)
    return 1
}
take_here2_away() { # while it runs something
    local job its task node pid lost=
    while read -r job its task node; do
        [ "$node" = here2 ] && [ "$task" != N/A ] && lost="$job $its $task $node"
    done < <(running)
    [ -n "$lost" ] || return 1
    # As a machine that loses its power: its daemon and all that it runs, at once.
    for pid in $(ours here2); do kill -9 "$pid" 2>/dev/null || true; done
    patiently scontrol update NodeName=here2 State=DOWN Reason="no power" || return 1
    echo "$lost" >"$s/hit"
}
hits=()
befall() { # WHAT COMMAND
    until_true 180 "$1" "$2"
    hits+=("$(cat "$s/hit")")
    step "$1: job, array, task and node ${hits[-1]}"
}
befall "a task of solve-targets killed by SIGKILL" kill_a_target_solver
befall "a task of bench requeued in the middle of its rows" requeue_a_bench
befall "here2 lost with what it ran" take_here2_away
for lost in "${hits[@]}"; do until_true 120 "the restart of job ${lost%% *}" restarted "${lost%% *}"; done

# --- what a single run writes ----------------------------------------------------------------------------------------
for verb in "${verbs[@]}"; do
    mapfile -t args < <(arguments "$verb" "$work/single")
    retouch "$verb" "${args[@]}" --quiet >"$work/single-$verb.log" 2>&1 || { tail -n 20 "$work/single-$verb.log" >&2; fail "$verb as a single run"; }
done
step "single runs done"
rm -f "$s/here2.pid"
slurmd -N here2
back() { [ -n "$(sinfo --noheader --nodes=here2 --states=idle,alloc,mix 2>/dev/null)" ]; }
until_true 60 "the return of here2" back
step "here2 is back"

state() { scontrol show job "$1" 2>/dev/null | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p' | head -n 1; }
ended() {
    case $(state "$1") in
        COMPLETED) ;;
        FAILED | CANCELLED | TIMEOUT | NODE_FAIL | OUT_OF_MEMORY) fail "job $1 has the state $(state "$1")" ;;
        *) return 1 ;;
    esac
}
for verb in "${verbs[@]}"; do
    until_true 300 "the merge of $verb" ended "${merge[$verb]}"
    step "$verb: merged"
done

# --- the same to the byte --------------------------------------------------------------------------------------------
same() { cmp "$work/single/$1" "$work/array/$1" || fail "$1 is not that of a single run"; }
diff -r "$work/single/bank" "$work/array/bank" || fail "the bank is not that of a single run"
same mined.json
same check.jsonl
same check.html
for name in run.json benchmark.json; do same "run/$name"; done
# How long an edit took, and what memory, is no result.
rows() { sed -E 's/"(seconds|memory)":[^,}]*/"\1":null/g' "$work/$1/run/rows.jsonl"; }
cmp <(rows single) <(rows array) || fail "rows.jsonl is not that of a single run"
step "the same: $(find "$work/array/bank" -name '*.safetensors' | wc -l) files of targets, $(wc -c <"$work/array/mined.json") bytes of mistakes, $(wc -l <"$work/array/check.jsonl") lines of answers, $(wc -l <"$work/array/run/rows.jsonl") rows (but for seconds and memory)"
