#!/usr/bin/env bash
# Trains on a Slurm cluster, over time limits, preemptions and failing nodes:
#
#   sbatch --gpus=1 --time=12:00:00 launch/slurm.sh with urmp data.records=/data/records
#
# from the root of the repository.  What stands before launch/slurm.sh are options of
# sbatch, which count more than those below; what follows is handed to Training.py.
# Runs are runs/slurm-JOB/1, 2, ..., each resumed from the one before.
#
#   VIMSS_PYTHON    interpreter                    (.venv/bin/python)
#   VIMSS_RUNS      folder on a disk that all nodes share,
#                   or in a bucket                             (runs)
#   VIMSS_RESTARTS  how often the job is queued again at most  (100)
#
#SBATCH --job-name=vimss
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@180
#SBATCH --output=slurm-%j.txt
#SBATCH --open-mode=append
set -u

# Slurm runs a copy of this file; the repository is where sbatch was typed.
cd "${SLURM_SUBMIT_DIR:?is set by Slurm: type sbatch launch/slurm.sh}" || exit 1
if [ ! -e launch/going_on.py ]; then
    echo "slurm.sh: $PWD is not the root of VIMSS; type sbatch there" >&2
    exit 1
fi
python="${VIMSS_PYTHON:-.venv/bin/python}"
if ! command -v "$python" > /dev/null; then
    echo "slurm.sh: there is no $python: type make setup, or set VIMSS_PYTHON" >&2
    exit 1
fi
folder="${VIMSS_RUNS:-runs}/slurm-$SLURM_JOB_ID"

# USR1 comes three minutes before the time limit: save, and queue again.  TERM is
# somebody's scancel, or a preemption, after which Slurm itself queues the job again.
again=
trap 'again=1; kill -TERM "$step"' USR1
trap 'kill -TERM "$step"' TERM

srun --ntasks=1 "$python" launch/going_on.py "$folder" "$@" &
step=$!
status=0
# A trapped signal ends a wait, not the step.
while wait "$step"; status=$?; kill -0 "$step" 2> /dev/null; do :; done

if [ -n "$again" ] && [ "$status" -ne 0 ]; then
    if [ "${SLURM_RESTART_COUNT:-0}" -ge "${VIMSS_RESTARTS:-100}" ]; then
        echo "slurm.sh: queued again $SLURM_RESTART_COUNT times already; go on with" \
            "VIMSS_RESTARTS raised, or with resume=$folder/N" >&2
        exit "$status"
    fi
    echo "slurm.sh: $folder goes on when job $SLURM_JOB_ID has its turn again"
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
