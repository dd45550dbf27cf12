#!/bin/sh
# The committed gauntlets, measured anew: gauntlet.sh LDBENCH OUT. An interrupted call goes on.
# A card of each data set and kind of edit: the other cards differ from these in their prompts alone. After each its
# draft of the next version: viewing conditions, the panel, a judge that learnt from degraded scans.
set -eu
ldbench=$1 out=$2

gauntlet() {
    "$ldbench" gauntlet "$@" --out "$out"
}

cards=$(dirname "$0")/gauntlet/cards

gauntlet sandbox-brain-t2i
gauntlet "$cards/sandbox-brain-t2i-next.toml"
gauntlet sandbox-chest-t2i
gauntlet "$cards/sandbox-chest-t2i-next.toml"

# metrics of edits that no committed card names
more="--metric counterfactual_error --metric effect_error --metric side_effect --cases 40"
gauntlet sandbox-brain-aging $more
gauntlet "$cards/sandbox-brain-aging-next.toml" --cases 40
for task in sandbox-brain-disease sandbox-chest-disease sandbox-chest-sex; do
    gauntlet "$task" --metric target_distance $more
done
for draft in sandbox-brain-disease-next sandbox-chest-sex-next; do
    gauntlet "$cards/$draft.toml" --cases 40
done
# 40 cases are ten a class of four: too few for a distance of readings to tell half of an edit from the whole
gauntlet "$cards/sandbox-chest-disease-next.toml" --cases 120
