"""The paper's tables of prompts and starts (Tables 2, 3 and 4), laid out as there, with what was measured here.

    python -m leaderboards.paper_tables leaderboards/results

Prints Markdown. A number is the mean over seeds with its pooled 95 % interval (`ldbench.board.seeds`), and the seeds
stand in the last column. Rows without a measured run are left out and counted. The images are the sandbox's at 64 px,
so only the order of rows can be held against the paper. Refuses two rows of one model with different parameters: one of
them would be chosen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.board.gather import collect, fold
from ldbench.board.leaderboard import BoardRow, FoldedScore, Leaderboard
from ldbench.errors import LdbenchError, ResultError
from ldbench.report.digits import with_interval
from ldbench.report.tables.seeds_told import seeds_in_short
from ldbench.report.tables.text_table import TextTable, to_markdown
from leaderboards.shipped_rows import meant


@dataclass(frozen=True)
class PaperTable:
    """One table: what it says above itself, its first headings, its metrics, and its lines.

    A line is what stands in the first columns, then the task and the model whose scores follow.
    """

    caption: str
    headings: tuple[str, ...]
    metrics: tuple[str, ...]
    lines: tuple[tuple[tuple[str, ...], str, str], ...]


ARROWS = {"fid": "FID ↓", "kid": "KID ↓", "ssim": "SSIM ↑", "lpips": "LPIPS ↓", "psnr": "PSNR ↑"}
STARTS = (
    ("SD", "instruct-pix2pix-ld"), ("SD + CD", "instruct-pix2pix-cd-ld"), ("SD + Basic FT", "instruct-pix2pix-ft-ld"),
)
AGE_STYLES = (
    ("Binned", "sandbox-brain-aging-binned"), ("Word", "sandbox-brain-aging-word"),
    ("Numerical", "sandbox-brain-aging"),
)
TABLES = (
    PaperTable(
        "Table 2. Starts and age styles for age-conditioned manipulation, InstructPix2Pix + LD.",
        ("Prompt", "Method"), ("fid", "ssim", "lpips", "psnr"),
        tuple(
            ((style, start), task, model)
            for style, task in AGE_STYLES for start, model in STARTS
        ),
    ),
    PaperTable(
        "Table 3. Prompt styles for text-to-image generation, Stable Diffusion + Basic FT + LD.",
        ("Prompt Style", "PI"), ("fid", "kid"),
        (
            (("Simple", "✗"), "sandbox-brain-t2i-plain", "basic-ft-ld"),
            (("Simple", "✓"), "sandbox-brain-t2i", "basic-ft-ld"),
            (("Diverse", "✗"), "sandbox-brain-t2i-diverse-plain", "basic-ft-ld"),
            (("Diverse", "✓"), "sandbox-brain-t2i-diverse", "basic-ft-ld"),
        ),
    ),
    PaperTable(
        "Table 4. Prompt styles for text-conditioned image-to-image generation, Pix2Pix-Zero + LD.",
        ("Prompt Style", "PI"), ("fid", "kid"),
        (
            (("Simple", "✗"), "sandbox-brain-disease-plain", "pix2pix-zero-ld"),
            (("Diverse", "✗"), "sandbox-brain-disease-diverse-plain", "pix2pix-zero-ld"),
            (("Diverse", "✓"), "sandbox-brain-disease-diverse", "pix2pix-zero-ld"),
        ),
    ),
)


def boards_for(folder: Path) -> dict[str, Leaderboard]:
    """The leaderboards of the tables' tasks, folded from the results below the folder; other tasks are left alone."""
    wanted = {task for table in TABLES for _, task, _ in table.lines}
    return fold([one for one in collect([folder]) if one[1].task.id in wanted])


def printed(table: PaperTable, boards: Mapping[str, Leaderboard]) -> str:
    """The table as Markdown, with a sentence where rows of it were not measured."""
    found = [(first, row) for first, task, model in table.lines if (row := _row(boards, task, model))]
    missing = len(table.lines) - len(found)
    parts = [f"**{table.caption}**"]
    if missing:
        parts.append(f"Not measured yet: {missing} of its {len(table.lines)} rows.")
    if not found:
        return "\n\n".join(parts)
    headings = [*table.headings, *(ARROWS[name] for name in table.metrics), "Seeds"]
    alignments = "l" * len(table.headings) + "r" * len(table.metrics) + "l"
    rows = [_cells(first, table.metrics, row) for first, row in found]
    return "\n\n".join([*parts, to_markdown(TextTable(headings, rows, alignments))])


def _row(boards: Mapping[str, Leaderboard], task: str, model: str) -> BoardRow | None:
    board = boards.get(task)
    measured = [row for row in board.rows if row.origin == "measured"] if board else []
    named = meant(model, [row.model for row in measured])
    rows = [row for row in measured if named(row.model)]
    if len(rows) > 1:
        raise ResultError(
            f"{task}: expected one row of {model}, got {len(rows)} with other parameters; name a folder that has one"
        )
    return rows[0] if rows else None


def _cells(first: Sequence[str], metrics: Sequence[str], row: BoardRow) -> list[str]:
    return [*first, *(_shown(row.score(name)) for name in metrics), seeds_in_short(row)]


def _shown(score: FoldedScore | None) -> str:
    return "-" if score is None else " ".join(with_interval(score.value, score.ci_low, score.ci_high))


def main() -> None:
    """Read the folder that is named and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    try:
        boards = boards_for(parser.parse_args().folder)
        print("\n\n".join(printed(table, boards) for table in TABLES))
    except LdbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
