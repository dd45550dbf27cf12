#!/usr/bin/env bash
# What this project measures on a GPU, in one call of at most ten minutes on a machine without a network.
#
#   OUT=FOLDER WHEELS=FOLDER EXAMPLES=FOLDER bash benchmarks/gpu_day.sh [OPTIONS of gpu_day.py]
#   SMALL=1 OUT=FOLDER bash benchmarks/gpu_day.sh        on the CPU, to see whether it runs
#
# OUT       gets gpu_day.json, gpu_day.md and gpu_day.log, complete after every stage. A stage that stands in the JSON
#           is not run again.
# BEFORE    the gpu_day.json of an earlier try, where OUT does not have it any more
# WHEELS    wheels of what the machine lacks (benchmarks/wheels.py collects them); installed for this call only
# EXAMPLES  the examples folder of a checkout of diffusers; without it fine-tuning has no peers and is left out
# PYTHON    the interpreter that has torch (python3)
# SECONDS_LEFT  for all stages together (560 less what the installation took)
set -euo pipefail
cd "$(dirname "$0")/.."
: "${OUT:?expected OUT, the folder for the results}"
python=${PYTHON:-python3}
mkdir -p "$OUT"
if [ -n "${BEFORE:-}" ] && [ ! -e "$OUT/gpu_day.json" ]; then
    cp "$BEFORE" "$OUT/gpu_day.json"
fi

if [ -n "${WHEELS:-}" ]; then
    site=$(mktemp -d)
    offline=(-m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-compile --upgrade --target "$site")
    "$python" "${offline[@]}" "$WHEELS"/*.whl
    export PYTHONPATH="$site${PYTHONPATH:+:$PYTHONPATH}"
    # the suite itself, for its entry points: from a copy, because building writes into the tree
    source=$(mktemp -d)
    cp -r pyproject.toml README.md LICENSE NOTICE ldbench baselines sandbox tasks "$source"
    "$python" "${offline[@]}" --no-build-isolation "$source"
    rm -rf "$source"
fi

words=(--out "$OUT" --seconds "${SECONDS_LEFT:-$((560 - SECONDS))}")
[ -z "${EXAMPLES:-}" ] || words+=(--examples "$EXAMPLES")
[ -z "${SMALL:-}" ] || words+=(--small)
exec "$python" benchmarks/gpu_day.py "${words[@]}" "$@"
