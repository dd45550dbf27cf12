"""No prompt of the suite's own templates is longer than the sandbox's text encoder reads, start and end included.

It reads 48 tokens and CLIP's 77, and its small vocabulary cuts most words into more pieces than CLIP's does. Prompts of
`chest-x-ray-findings` are held to 48 with the sandbox's findings, and with all of CheXpert's to 77.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import ldbench_baselines.backbone as backbone
import pytest
from ldbench_sandbox.chest import several
from transformers import CLIPTokenizer

from ldbench.data.prepare.readers.chexpert_findings import in_words
from ldbench.data.prepare.readers.chexpert_table import FINDING_COLUMNS
from ldbench.task import card
from ldbench.task.prompt_sets import fields_of, load_set, set_names

TASKS = {
    "brain-mri": "sandbox-brain-t2i", "chest-x-ray": "sandbox-chest-t2i",
    "chest-x-ray-findings": "sandbox-chest-findings-t2i",
}
SANDBOX = tuple(several.in_words(findings) for findings, _ in several.SHARES)
CHEXPERT = ("no finding", "edema", in_words(dict.fromkeys(FINDING_COLUMNS, 1)))


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    folder = Path(next(iter(backbone.__path__))) / "tiny-sd" / "tokenizer"
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def test_there_is_a_sandbox_task_for_each_set() -> None:
    assert set(TASKS) == set(set_names())


@pytest.mark.parametrize(
    ("name", "findings", "most"), [*((name, SANDBOX, None) for name in TASKS), ("chest-x-ray-findings", CHEXPERT, 77)]
)
def test_the_longest_prompt_fits(
    tokenizer: CLIPTokenizer, name: str, findings: tuple[str, ...], most: int | None
) -> None:
    data = card.load(TASKS[name]).data
    values = {
        "age": ("18", "77", "102"), "sex": ("female", "male"), "findings": findings,
        data.class_attribute: (*data.classes, "MCI"),
    }
    chosen = load_set(name)
    prompts = []
    for template in (*chosen.with_patient_information, *chosen.without_patient_information):
        fields = fields_of(template)
        for combination in itertools.product(*(values[field] for field in fields)):
            prompts.append(template.format_map(dict(zip(fields, combination, strict=True))))
    tokens = tokenizer(prompts).input_ids
    assert max(len(ids) for ids in tokens) <= (most or tokenizer.model_max_length)
    assert len({tuple(ids) for ids in tokens}) == len(prompts)  # no two wordings or patients read the same
