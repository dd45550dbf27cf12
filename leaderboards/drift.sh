#!/bin/sh
# What drift does under several samplers, and after little training: drift.sh PYTHON [SEEDS] [OUT]. Hours on two cores;
# an interrupted call goes on, and cells that are in OUT are not made again. Sampled without guidance: drift alone varies.
# In float32, so that a seed on a GPU is the CPU's but for rounding.
set -eu
python=$1 seeds=${2:-0,1,2,3,4} out=${3:-leaderboards/drift}

study() {
    name=$1 task=$2
    shift 2
    "$python" -m leaderboards.sampling_study "$task" basic-ft --metrics viewed_fid,coverage \
        --seeds "$seeds" --bench runs/drift --out "$out/$name" "$@"
}

samplings() {
    for drift in 0 0.05 0.1 signal-leak; do
        printf '%s\n' "guidance_scale=1 sampler=$1 sampling_steps=$2 delta_sample=$drift"
    done
}

IFS='
' # a sampling is one argument
for task in sandbox-brain-t2i sandbox-chest-t2i; do
    study samplers "$task" --fit "delta=0 precision=float32" "delta=0.1 precision=float32" --sampling $(samplings ddpm 10) $(samplings ddim 50) $(samplings pndm 50)
    for steps in 50 250; do
        for images in 20 100 700; do
            few="steps=$steps images=$images precision=float32"
            study little "$task" --fit "delta=0 $few" "delta=0.1 $few" --sampling $(samplings ddpm 10)
        done
    done
done
"$python" -m leaderboards.sampling_table "$out/samplers" --figure docs/images/drift-gain.png
