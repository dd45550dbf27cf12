#!/bin/sh
# Every committed row, measured anew: measure.sh LDBENCH OUT [WORKERS]. Hours on two cores; an interrupted call goes on.
set -eu
ldbench=$1 out=$2 workers=${3:-2}

matrix() {
    "$ldbench" matrix "$@" --workers "$workers" --out "$out"
}

everyone=sd,sd-ld,basic-ft,basic-ft-ld,textual-inversion,textual-inversion-ld,dreambooth,dreambooth-ld,custom-diffusion,custom-diffusion-ld,lora,lora-ld
editors=instruct-pix2pix,instruct-pix2pix-ld,instruct-pix2pix-cd,instruct-pix2pix-cd-ld,instruct-pix2pix-ft,instruct-pix2pix-ft-ld
bounds=copy-source,autoencoder,oracle,other-subject

# Table 1, and Table 3 beside it
matrix sandbox-brain-t2i sandbox-chest-t2i --models real,mean-image,copies,collapse,chimera # the last four are cheats
matrix sandbox-brain-t2i sandbox-chest-t2i --models "$everyone" --seeds 0,1,2
matrix sandbox-brain-t2i sandbox-chest-t2i --models basic-ft-offset-noise,basic-ft-zero-snr,basic-ft-signal-leak
for task in sandbox-brain-t2i sandbox-chest-t2i; do
    fitted=$(ls -d "$out/$task"/basic-ft-ld-*)
    matrix "$task" --models real-synthetic --set "samples=$fitted/seed-{seed}/images" --seeds 0,1,2
done
matrix sandbox-brain-t2i-plain sandbox-brain-t2i-diverse sandbox-brain-t2i-diverse-plain --models basic-ft-ld --seeds 0,1,2

# Table 2
matrix sandbox-brain-aging --models "$bounds"
matrix sandbox-brain-aging --models "$editors" --seeds 0,1,2
matrix sandbox-brain-aging-word sandbox-brain-aging-binned --models instruct-pix2pix-ld,instruct-pix2pix-cd-ld,instruct-pix2pix-ft-ld

# Table 4 and Fig. 8; guidance scales were chosen on training scans (docs/results/counterfactuals.md)
matrix sandbox-brain-disease sandbox-chest-disease sandbox-chest-sex --models "$bounds"
matrix sandbox-brain-disease --models pix2pix-zero,pix2pix-zero-ld --set guidance_scale=10 --seeds 0,1,2
matrix sandbox-brain-disease-plain sandbox-brain-disease-diverse sandbox-brain-disease-diverse-plain \
    --models pix2pix-zero-ld --set guidance_scale=10 --seeds 0,1
matrix sandbox-chest-disease --models pix2pix-zero,pix2pix-zero-ld --set guidance_scale=3
matrix sandbox-chest-sex --models pix2pix-zero-ld --set guidance_scale=3
matrix sandbox-brain-disease --models sdedit,sdedit-ld --seeds 0,1,2
matrix sandbox-chest-disease --models sdedit,sdedit-ld
matrix sandbox-brain-disease --models instruct-pix2pix-ft,instruct-pix2pix-ft-ld
