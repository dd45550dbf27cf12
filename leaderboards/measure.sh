#!/bin/sh
# Every committed row, measured anew: measure.sh LDBENCH OUT [WORKERS]. Many hours on two cores; an interrupted call goes
# on, and a call after another reads finished runs back.
# Seeds: all five of the card for the rows of Table 1 and those beside them, three for every other row that is fitted or
# drawn by the seed, one for a row that does not depend on it.
set -eu
ldbench=$1 out=$2 workers=${3:-2}

matrix() {
    "$ldbench" matrix "$@" --workers "$workers" --out "$out"
}

table_1=sd,sd-ld,basic-ft,basic-ft-ld,textual-inversion,textual-inversion-ld,dreambooth,dreambooth-ld,custom-diffusion,custom-diffusion-ld,lora,lora-ld
beside=basic-ft-offset-noise,basic-ft-zero-snr,basic-ft-signal-leak
editors=instruct-pix2pix,instruct-pix2pix-ld,instruct-pix2pix-cd,instruct-pix2pix-cd-ld,instruct-pix2pix-ft,instruct-pix2pix-ft-ld

# Table 1, and Table 3 beside it; copies, collapse, chimera and mean-image are cheats
matrix sandbox-brain-t2i sandbox-chest-t2i --models real,mean-image
matrix sandbox-brain-t2i sandbox-chest-t2i --models copies,collapse,chimera --seeds 0-2
matrix sandbox-brain-t2i sandbox-chest-t2i --models "$table_1,$beside" --seeds 0-4
# four and sixteen times as long, which passes the linear stand-in; a model that has learnt needs less guidance, or none
matrix sandbox-brain-t2i --models basic-ft,basic-ft-signal-leak --set steps=3200 --set guidance_scale=2 --seeds 0-2
matrix sandbox-brain-t2i sandbox-chest-t2i --models basic-ft,basic-ft-signal-leak --seeds 0-2 \
    --set steps=12800 --set ema_decay=0.999 --set guidance_scale=1
for task in sandbox-brain-t2i sandbox-chest-t2i; do
    fitted=$(ls -d "$out/$task"/basic-ft-ld-*)
    matrix "$task" --models real-synthetic --set "samples=$fitted/seed-{seed}/images" --seeds 0-2
done
matrix sandbox-brain-t2i-plain sandbox-brain-t2i-diverse sandbox-brain-t2i-diverse-plain --models basic-ft-ld --seeds 0-2

# films of several findings: the rows that bound it, the cheats, and one method with drift and without
matrix sandbox-chest-findings-t2i --models real,mean-image
matrix sandbox-chest-findings-t2i --models copies,collapse,chimera,sd,sd-ld,basic-ft,basic-ft-ld --seeds 0-2

# what bounds an edit
for task in sandbox-brain-aging sandbox-brain-disease sandbox-chest-disease sandbox-chest-sex; do
    matrix "$task" --models copy-source,gain-only,autoencoder,oracle
    matrix "$task" --models other-subject --seeds 0-2
done

# Table 2
matrix sandbox-brain-aging --models "$editors" --seeds 0-2
# four times as long, by the setting that validation chose (docs/measurements/settings.md)
matrix sandbox-brain-aging --models instruct-pix2pix-ft --seeds 0-2 \
    --set steps=3200 --set ema_decay=0.999 --set guidance_scale=2 --set image_guidance_scale=2
matrix sandbox-brain-aging-word sandbox-brain-aging-binned \
    --models instruct-pix2pix-ld,instruct-pix2pix-cd-ld,instruct-pix2pix-ft-ld --seeds 0-2

# Table 4 and Fig. 8
matrix sandbox-brain-disease --models pix2pix-zero,pix2pix-zero-ld --seeds 0-2
matrix sandbox-brain-disease-plain sandbox-brain-disease-diverse sandbox-brain-disease-diverse-plain \
    --models pix2pix-zero-ld --seeds 0-2
matrix sandbox-chest-disease --models pix2pix-zero,pix2pix-zero-ld --seeds 0-2
matrix sandbox-chest-sex --models pix2pix-zero,pix2pix-zero-ld,sdedit,sdedit-ld --seeds 0-2
matrix sandbox-brain-disease sandbox-chest-disease --models sdedit,sdedit-ld --seeds 0-2
matrix sandbox-brain-disease --models instruct-pix2pix-ft,instruct-pix2pix-ft-ld --seeds 0-2
