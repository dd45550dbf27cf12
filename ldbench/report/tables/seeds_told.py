"""The seeds of a row's runs as text, in a table's column and in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from ldbench.board.leaderboard import BoardRow

_RUN = 3  # consecutive seeds from which on they are a range


def seeds_in_words(row: BoardRow) -> str:
    """The seeds of a row's runs: "seed 0", "seeds 0, 1", "seed unknown", "seed 0 (not counted: 7)"."""
    known = [str(seed) for seed in row.seeds if seed is not None]
    words = f"{'seed' if len(known) == 1 else 'seeds'} {', '.join(known)}" if known else "seed unknown"
    others = ", ".join("unknown" if seed is None else str(seed) for seed in row.other_seeds)
    return f"{words} (not counted: {others})" if others else words


def seeds_in_short(row: BoardRow) -> str:
    """The same for a column: "0", "0, 1", "0-4", "unknown", "0 (7)" where seed 7 does not count."""
    counted, others = _listed(row.seeds), _listed(row.other_seeds)
    return f"{counted or 'unknown'} ({others})" if others else counted or "unknown"


def seeds_differ(rows: Sequence[BoardRow]) -> bool:
    """Whether a sentence does not say the seeds of all rows: some row has several or other ones."""
    return len({seeds_in_words(row) for row in rows}) > 1 or any(len(row.seeds) > 1 for row in rows)


def _listed(seeds: Sequence[int | None]) -> str:
    """Seeds with commas between them, three or more consecutive ones as a range."""
    known = sorted({seed for seed in seeds if seed is not None})
    runs: list[list[int]] = []
    for seed in known:
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    parts = [[f"{run[0]}-{run[-1]}"] if len(run) >= _RUN else list(map(str, run)) for run in runs]
    return ", ".join([*(part for each in parts for part in each), *(["unknown"] if None in seeds else [])])
