"""No prompt of the suite's own templates is longer than the sandbox's text encoder reads, start and end included.

It reads 48 tokens and CLIP's 77, and its small vocabulary cuts most words into more pieces than CLIP's does. No task of
the sandbox names several findings, so prompts of `chest-x-ray-findings` are held to 77.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import ldbench_baselines.backbone as backbone
import pytest
from transformers import CLIPTokenizer

from ldbench.data.prepare.readers.chexpert_findings import in_words
from ldbench.data.prepare.readers.chexpert_table import FINDING_COLUMNS
from ldbench.task import card
from ldbench.task.prompt_sets import fields_of, load_set, set_names

TASKS = {"brain-mri": "sandbox-brain-t2i", "chest-x-ray": "sandbox-chest-t2i"}
FINDINGS = ("no finding", "edema", in_words(dict.fromkeys(FINDING_COLUMNS, 1)))


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    folder = Path(next(iter(backbone.__path__))) / "tiny-sd" / "tokenizer"
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.mark.parametrize("name", set_names())
def test_the_longest_prompt_fits(tokenizer: CLIPTokenizer, name: str) -> None:
    values = {"age": ("18", "77", "102"), "sex": ("female", "male"), "findings": FINDINGS}
    if name in TASKS:
        data = card.load(TASKS[name]).data
        values[data.class_attribute] = (*data.classes, "MCI")
    chosen = load_set(name)
    prompts = []
    for template in (*chosen.with_patient_information, *chosen.without_patient_information):
        fields = fields_of(template)
        for combination in itertools.product(*(values[field] for field in fields)):
            prompts.append(template.format_map(dict(zip(fields, combination, strict=True))))
    tokens = tokenizer(prompts).input_ids
    assert max(len(ids) for ids in tokens) <= (tokenizer.model_max_length if name in TASKS else 77)
    assert len({tuple(ids) for ids in tokens}) == len(prompts)  # no two wordings or patients read the same
