"""A reader's settings from texts: each is read by its own type, and a choice is one of those that its type names."""

from __future__ import annotations

import pytest

from ldbench.data.prepare.readers.adni1 import Adni1Reader
from ldbench.data.prepare.readers.chexpert import CheXpertReader
from ldbench.data.prepare.readers.oasis3 import Oasis3Reader
from ldbench.data.prepare.settings import configured
from ldbench.errors import UsageError


def test_a_text_is_read_by_the_type_of_its_setting() -> None:
    reader = configured(CheXpertReader, {}, {"uncertain": "positive", "per_patient": "0"})
    assert (reader.uncertain, reader.per_patient) == ("positive", 0)


@pytest.mark.parametrize(
    ("reader", "key", "expected"),
    [
        (CheXpertReader, "uncertain", "one of 'skip', 'negative', 'positive'"),
        (CheXpertReader, "blank", "one of 'negative', 'skip'"),
        (CheXpertReader, "tables", "one of 'both', 'train', 'valid'"),
        (CheXpertReader, "square", "one of 'pad', 'crop'"),
        (CheXpertReader, "labels", "one of 'table', 'impression', 'findings', 'report'"),
        (Adni1Reader, "labels", "one of 'adnimerge', 'search'"),
        (Oasis3Reader, "preprocessing.plane", "one of 'head', 'world'"),
        (Oasis3Reader, "preprocessing.skull", "one of 'keep', 'mask'"),
    ],
)
def test_a_choice_that_is_none_is_refused_by_name(reader: type, key: str, expected: str) -> None:
    with pytest.raises(UsageError, match=f"^--set {key}: expected {expected}, got 'maybe'$"):
        configured(reader, {}, {key: "maybe"})


@pytest.mark.parametrize(("key", "text"), [("size", "4"), ("per_patient", "-1")])
def test_a_number_out_of_range_is_refused(key: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"^chexpert: expected {key} .*, got {text}$"):
        configured(CheXpertReader, {}, {key: text})
