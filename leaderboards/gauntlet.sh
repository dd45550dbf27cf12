#!/bin/sh
# The committed gauntlets, measured anew: gauntlet.sh LDBENCH OUT. An interrupted call goes on.
# A card of each data set and kind of edit: the other cards differ from these in their prompts alone.
set -eu
ldbench=$1 out=$2

gauntlet() {
    "$ldbench" gauntlet "$@" --out "$out"
}

gauntlet sandbox-brain-t2i
gauntlet sandbox-chest-t2i

# metrics of edits that no committed card names
more="--metric counterfactual_error --metric effect_error --metric side_effect --cases 40"
gauntlet sandbox-brain-aging $more
for task in sandbox-brain-disease sandbox-chest-disease sandbox-chest-sex; do
    gauntlet "$task" --metric target_distance $more
done
