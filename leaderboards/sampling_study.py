"""A method fitted in some ways and sampled in others, every way with every other: one fit serves all samplings.

    python -m leaderboards.sampling_study sandbox-brain-t2i basic-ft --fit "delta=0" "delta=0.1" \\
        --sampling "sampler=pndm sampling_steps=50" "sampler=pndm sampling_steps=50 delta_sample=signal-leak" \\
        --seeds 0,1,2,3,4 --out runs/drift

Writes `OUT/scores.jsonl`, a line a fit, sampling and seed, with the card's metrics that `--metrics` names and the
device; cells that are there already, from whatever device, are not made again. So give a seed one device: its cells are
held against one another. `leaderboards/sampling_table.py` reads it. For a choice of defaults give a card
over rendered subjects (`ldbench data render NAME --seed N --test-only`), which keeps the public test set out of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from ldbench.api import Measured
from ldbench.records.files import user_cache_folder
from ldbench.run.environment import device_name
from ldbench.run.settings import Settings
from ldbench.score.inputs import Inputs
from ldbench.score.lazy_inputs import averaged
from ldbench.score.scorer import measured
from ldbench.studies.gauntlet.metrics import contestants
from ldbench.studies.parameters.workbench import Workbench, workbench
from leaderboards.sampling_cells import SCORES, read_scores

Pairs = Mapping[str, str]


def main() -> None:
    """Measure what is missing; a line on the terminal a cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card")
    parser.add_argument("model")
    parser.add_argument("--fit", nargs="+", default=[""], metavar="'KEY=VALUE ...'", help="ways to fit")
    parser.add_argument("--sampling", nargs="+", default=[""], metavar="'KEY=VALUE ...'", help="ways to sample")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--metrics", default="viewed_fid,precision,coverage,fid,counterfactual_error,ssim")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/sampling"))
    parser.add_argument("--bench", type=Path, help="folder for fits and images (default: bench in OUT)")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    asked.out.mkdir(parents=True, exist_ok=True)
    ready = {_cell_key(line) for line in read_scores(asked.out)}
    for seed in map(int, asked.seeds.split(",")):
        for fit in map(pairs, asked.fit):
            samplings = [one for one in map(pairs, asked.sampling)
                         if _cell_key(_cell(asked.card, asked.model, fit, one, seed)) not in ready]
            settings = Settings(out=asked.bench or asked.out / "bench", seed=seed, overrides=fit, device=asked.device)
            for line in measure(asked.card, asked.model, samplings, settings, asked.metrics.split(",")):
                with (asked.out / SCORES).open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line, sort_keys=True) + "\n")
                print(words(line), flush=True)


def pairs(text: str) -> dict[str, str]:
    """`a=1 b=2` as a table."""
    return dict(word.split("=", 1) for word in text.split())


def measure(
    card: str, model: str, samplings: Sequence[Pairs], settings: Settings, metrics: Sequence[str]
) -> Iterator[dict[str, object]]:
    """A line a sampling of one fit, made where there is none."""
    if not samplings:
        return
    with workbench(card, model, settings) as bench:
        device = device_name(bench.device)
        for sampling in samplings:
            scores = {one.metric: [one.value, one.ci_low, one.ci_high] for one in scores_of(bench, sampling, metrics)}
            cell = _cell(card, model, settings.overrides, sampling, settings.seed)
            yield {**cell, "device": device, "scores": scores}


def scores_of(bench: Workbench, sampling: Pairs, metrics: Sequence[str]) -> list[Measured]:
    """The named metrics of the card, on the evaluation cases' images under one sampling."""
    evaluated = set(bench.data.evaluation_ids)
    cases = [case for case in bench.data.cases if case.id in evaluated]
    by_id = dict(zip((case.id for case in cases), bench.images(cases, sampling, "sampling"), strict=True))
    if bench.data.task.protocol.channels == "grey-as-rgb":
        by_id = dict(averaged(by_id))
    inputs = Inputs(
        device=bench.device, seed=bench.settings.seed, cache_folder=user_cache_folder() / "features", data=bench.data,
        images=by_id, passes={},
    )  # fmt: skip
    chosen, _ = contestants(bench.data.task, (), False)
    return [measured(one.metric, inputs, one.settings) for one in chosen if one.metric.name in metrics]


def words(line: Mapping[str, object]) -> str:
    """A measured cell as a line of text."""
    scores = line["scores"]
    assert isinstance(scores, dict)
    said = "  ".join(f"{name} {value:.4g} [{low:.4g}, {high:.4g}]" for name, (value, low, high) in scores.items())
    return f"{line['task']} {line['model']} seed {line['seed']}  fit {line['fit']}  sampling {line['sampling']}: {said}"


def _cell(card: str, model: str, fit: Pairs, sampling: Pairs, seed: int) -> dict[str, object]:
    return {"task": card, "model": model, "fit": dict(fit), "sampling": dict(sampling), "seed": seed}


def _cell_key(line: Mapping[str, object]) -> str:
    return json.dumps([line[name] for name in ("task", "model", "fit", "sampling", "seed")], sort_keys=True)


if __name__ == "__main__":
    main()
