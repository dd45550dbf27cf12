"""What is said below a leaderboard's tables, a sentence or two a note."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ldbench.board.chosen import choice_notes
from ldbench.board.entries import REPEATED
from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.board.named_rows import name_notes
from ldbench.board.row_labels import SCORED_MARK, TRUTH_MARK, Labels, labels
from ldbench.plugins.kinds import METRICS
from ldbench.report.guarantee import GUARANTEE, RULE, SHARED, allowance_sentence
from ldbench.report.tables.cheats import deceived_notes, unedited_notes
from ldbench.report.tables.metric_notes import few_notes, metric_notes
from ldbench.report.tables.seeds_told import seeds_differ, seeds_in_words

HINT = " Run more seeds, or ask about these very images: ldbench compare --as-fitted."  # which no paper prints
_PARTS = (
    "counterfactual_error² is effect_error² + side_effect²: too little or too much of the true edit, and whatever else "
    "changed."
)
_LONE_AMONG = "The interval of a row of one seed lacks the error of another seed."
_LONE = f"Rows of one seed tie with nearly all others, since nothing says what their next seed would give.{HINT}"


def board_notes(
    leaderboard: Leaderboard, measured: Sequence[BoardRow], reported: Sequence[BoardRow], labelled: Labels
) -> list[str]:
    """All notes on a board: on its metrics and ranks, then on its rows, at last on runs that failed."""
    notes = [*metric_notes(leaderboard.metrics), *few_notes(leaderboard.metrics)]
    notes.extend(unedited_notes(leaderboard))
    if any(row.competes for row in measured):
        first = leaderboard.metrics[0].metric if leaderboard.metrics else ""
        notes.append(
            f"The rank is that on {first} and, where it is not certain, its 95 % interval. {RULE} {SHARED}"
        )
    notes.extend(choice_notes(leaderboard))
    notes.extend(name_notes(leaderboard.rows))
    notes.extend(guarantee(leaderboard))
    notes.extend(_seed_note(measured))
    notes.extend(_settings_notes((*measured, *reported), labelled))
    for row in measured:
        notes.extend(_row_notes(row, labelled))
    if any(row.model.sees_truth for row in measured):
        notes.append(f"{TRUTH_MARK} sees the true answers.")
    if any(row.model.scored for row in measured):
        notes.append(f"{SCORED_MARK}: images that another program made; only their scores were computed here.")
    if any(not row.competes for row in measured):
        notes.append("Rows without a rank are for orientation and do not compete.")
    notes.extend(deceived_notes(leaderboard))
    notes.extend(_of_measured(measured, labelled))
    for source, rows in by_source(reported).items():
        notes.extend(_notes_of_source(source, rows, labelled))
    for failure in leaderboard.failed:
        seed = "" if failure.seed is None else f", seed {failure.seed}"
        notes.append(f"Failed: {failure.model.name}{seed}: {failure.error or 'no error recorded'}")
    return notes


def guarantee(leaderboard: Leaderboard) -> tuple[str, ...]:
    """What "better" promises, and what that rests on; nothing where fewer than two rows compete."""
    if sum(row.competes for row in leaderboard.rows) < 2:
        return ()
    return tuple(filter(None, (GUARANTEE, allowance_sentence(leaderboard.metrics))))


def notes_on_parts(metrics: Iterable[str]) -> tuple[str, ...]:
    """What a metric shown is made of; committed boards leave that to docs/metrics.md."""
    return (_PARTS,) if "counterfactual_error" in metrics else ()


def by_source(reported: Sequence[BoardRow]) -> dict[str | None, list[BoardRow]]:
    """Reported rows by the publication that they are from."""
    groups: dict[str | None, list[BoardRow]] = {}
    for row in reported:
        groups.setdefault(row.source, []).append(row)
    return groups


def _seed_note(rows: Sequence[BoardRow]) -> list[str]:
    """The seed, where it is one for all rows; else what the column of seeds and a value over several are."""
    if not rows:
        return []
    lone = [row for row in rows if row.competes and len(row.seeds) == 1 and not row.ignores_the_seed]
    more = [_LONE] if len(lone) > 1 else []
    if not seeds_differ(rows):
        return [f"Runs: {seeds_in_words(rows[0])} in every row.", *more]
    several = "A value over several seeds is their mean; its interval covers the errors of seeds and of cases."
    if lone and any(len(row.seeds) > 1 for row in rows):
        more.insert(0, _LONE_AMONG)
    others = "Seeds in brackets are not of the card's list, and do not count."
    if any(note.endswith(REPEATED) for row in rows for note in row.notes):
        others = "Seeds in brackets do not count: they have the images of another seed, or are not of the card's list."
    return [several, *more, *([others] if any(row.other_seeds for row in rows) else [])]


def _settings_notes(rows: Sequence[BoardRow], labelled: Labels) -> list[str]:
    """The settings that the names of namesakes leave out, rows with the same ones together."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        if rest := labelled.untold(row):
            said = ", ".join(f"{key}={value}" for key, value in rest.items())
            groups.setdefault(said, []).append(labelled.of(row))
    return [f"{', '.join(names)}: with {said}." for said, names in groups.items()]


def _of_measured(measured: Sequence[BoardRow], labelled: Labels) -> list[str]:
    """What is said of measured rows; what is said of several stands once, under all their names."""
    names: dict[tuple[str | None, tuple[str, ...]], list[str]] = {}
    for row in measured:
        names.setdefault((row.source, row.notes), []).append(labelled.of(row))
    return [line for (source, notes), rows in names.items() for line in _said(", ".join(rows), source, notes)]


def unranked_notes(leaderboard: Leaderboard) -> list[str]:
    """Why rows that are no references have no rank and take part in no comparison."""
    labelled = labels(leaderboard.rows)
    return [note for row in leaderboard.rows if row.origin == "measured" for note in _unranked(row, labelled)]


def _unranked(row: BoardRow, labelled: Labels) -> list[str]:
    """Why the row has no rank, unless it is a reference."""
    name, notes = labelled.of(row), []
    if not row.on_card:
        notes.append(f"{name}: not ranked, since none of its seeds is of the card's list.")
    if row.unranked_by and not row.model.reference:  # which has no rank anyway
        metric = METRICS.installed(row.unranked_by)
        said = f" ({metric.title.lower()})" if metric else ""
        notes.append(f"{name}: not ranked, because of its {row.unranked_by}{said}.")
    return notes


def _row_notes(row: BoardRow, labelled: Labels) -> list[str]:
    """What sets a row apart from one of several seeds of its own: no seed of the card, no effect of it, other names."""
    name, notes = labelled.of(row), _unranked(row, labelled)
    if row.ignores_the_seed:
        notes.append(f"{name}: deterministic, since every seed gave the same images; another seed changes nothing.")
    if row.same_images:
        others = ", ".join(labelled.of(replace(row, model=model)) for model in row.same_images)
        notes.append(f"{name}: the same images as {others}, so they are one row.")
    return notes


def _said(name: str, source: str | None, notes: Sequence[str]) -> list[str]:
    said = [*([f"from {source}"] if source else []), *filter(None, notes)]
    return [f"{name}: {'; '.join(said)}"] if said else []


def _notes_of_source(source: str | None, rows: Sequence[BoardRow], labelled: Labels) -> list[str]:
    """What is said of a source's rows: of a lone one under its name; of several, what most say once, then the rest."""
    if len(rows) == 1:
        return _said(labelled.of(rows[0]), source, rows[0].notes)
    said = [[part for note in row.notes for part in note.split("; ")] for row in rows]
    spoken = [part for parts in said for part in parts]
    common = [part for part in dict.fromkeys(spoken) if spoken.count(part) > len(rows) / 2]
    lines = _said(f"{len(rows)} rows", source, common)
    for row, parts in zip(rows, said, strict=True):
        lines.extend(_said(labelled.of(row), None, ["; ".join(part for part in parts if part not in common)]))
    return lines
