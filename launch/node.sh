#!/usr/bin/env bash
# Runs on a TPU VM, in the home folder that holds vimss/ (launch/tpu.py types this):
#
#   node.sh install TENSORFLOW LIBTPU   the environment in vimss-env/, once
#   node.sh idle                        fails if a training is running
#   node.sh start JOB RUNS OVERRIDES... a training that outlives the connection; RUNS:
#                                       runs/JOB, or a folder of a bucket
#   node.sh state JOB                   "running", "ended STATUS" or "absent"
#   node.sh logs JOB LINES [follow]
#   node.sh pack JOB                    runs/JOB, and what is here of RUNS, into JOB.tgz
#   node.sh unpack JOB                  and back, into runs/JOB
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
home="$(dirname "$PWD")"
environment="$home/vimss-env"
python="${VIMSS_PYTHON:-$environment/bin/python}"
export VIMSS_CACHE="$home/vimss-copies" # gs://BUCKET/runs is written/gs/BUCKET/runs

# A Python that VIMSS runs on: of the machine, or one that uv fetches.
make_environment() {
    local name
    for name in python3.12 python3.11 python3.13; do
        if "$name" -c 'import ensurepip, venv' 2> /dev/null; then
            "$name" -m venv --clear "$environment"
            return
        fi
    done
    python3 -m pip install --quiet --user uv ||
        python3 -m pip install --quiet --user --break-system-packages uv
    python3 -m uv venv --quiet --clear --seed --python 3.12 "$environment"
}

# tensorflow-tpu is TensorFlow itself: beside the usual package, one overwrites the
# other.  It pins TensorBoard to its own version.
install() {
    local stamp="$environment/ready" wanted
    wanted="$1 $2 $(cat requirements*.txt constraints.txt | sha256sum)"
    [ "$(cat "$stamp" 2> /dev/null)" = "$wanted" ] && return
    make_environment
    local own='^(tensorflow|tensorboard|tensorboard-data-server)[><=]'
    grep -vE "$own" requirements.txt > "$environment/requirements.txt"
    grep -vE "$own" constraints.txt > "$environment/constraints.txt"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        "tensorflow-tpu==$1" "libtpu==$2" \
        -r "$environment/requirements.txt" -c "$environment/constraints.txt"
    echo "$wanted" > "$stamp"
}

running() {
    # Another process may have the number by now.
    [ -e "runs/$1/process" ] &&
        grep -q node.sh "/proc/$(cat "runs/$1/process")/cmdline" 2> /dev/null
}

state() {
    local ended="runs/$1/ended"
    if running "$1"; then echo running
    elif [ -e "$ended" ]; then echo "ended $(cat "$ended")"
    elif [ -e "runs/$1/process" ]; then echo "ended 143" # killed with all else
    else echo absent; fi
}

idle() {
    local other
    for other in runs/*/process; do
        other="$(basename "$(dirname "$other")")"
        if running "$other"; then
            echo "$other is being trained here already" >&2
            exit 1
        fi
    done
}

# A session of its own: no terminal, so a lost connection is not its end.
start() {
    idle
    mkdir -p "runs/$1"
    rm -f "runs/$1/ended"
    echo "$2" > "runs/$1/folder"
    setsid nohup bash launch/node.sh train "$@" \
        >> "runs/$1/log.txt" 2>&1 < /dev/null &
    echo $! > "runs/$1/process"
}

train() {
    local job="$1" folder="$2" status=0 library
    shift 2
    for library in "$environment"/lib/python*/site-packages/libtpu/libtpu.so; do
        if [ -e "$library" ]; then export TPU_LIBRARY_PATH="$library"; fi
    done
    "$python" launch/going_on.py "$folder" "$@" || status=$?
    echo "$status" > "runs/$job/ended"
}

logs() {
    if [ ! -e "runs/$1/log.txt" ]; then
        echo "$1 has no log here" >&2
        exit 1
    fi
    # Ends with the training, if it is to be followed.
    if [ "${3:-}" = follow ] && running "$1"; then
        tail -n "$2" -F --pid="$(cat "runs/$1/process")" "runs/$1/log.txt"
    else
        tail -n "$2" "runs/$1/log.txt"
    fi
}

# Runs of a bucket lie beside the log then, as others do.
pack() {
    local folder copies also=()
    folder="$(cat "runs/$1/folder" 2> /dev/null || true)"
    copies="$VIMSS_CACHE/written/${folder/:\/\///}"
    if [ "$folder" != "runs/$1" ] && [ -d "$copies" ]; then
        also=(-C "$(dirname "$copies")" "$1")
    fi
    # 1: something was written meanwhile, such as the log
    tar -czf "$home/$1.tgz" --exclude="$1/process" -C runs "$1" "${also[@]}" \
        2> /dev/null || [ $? -eq 1 ]
}

case "${1:-}" in
install | idle | start | train | state | logs | pack) "$@" ;;
unpack) mkdir -p runs && tar -xzf "$home/$2.tgz" -C runs ;;
*)
    sed -n '2,11p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
