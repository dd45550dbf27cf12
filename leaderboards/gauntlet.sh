#!/bin/sh
# The committed gauntlets, measured anew: gauntlet.sh LDBENCH OUT. An interrupted call goes on.
# A card of each data set and kind of edit: the other cards differ from these in their prompts alone.
set -eu
ldbench=$1 out=$2

gauntlet() {
    "$ldbench" gauntlet "$@" --out "$out"
}

# on no card, and to be had for any: `ldbench measure` takes it where training images are given
gauntlet sandbox-brain-t2i --metric fld --with-card
gauntlet sandbox-chest-t2i --metric fld --with-card
gauntlet sandbox-chest-findings-t2i
for task in sandbox-brain-aging sandbox-brain-disease sandbox-chest-sex; do
    gauntlet "$task" --cases 40
done
# 40 cases are ten a class of four: too few for a distance of readings to tell half of an edit from the whole
gauntlet sandbox-chest-disease --cases 120
