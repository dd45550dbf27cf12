"""How plots look: texts as they are, whatever is in them."""

from __future__ import annotations

from pathlib import Path

from matplotlib.text import Text

from ldbench.studies.parameters.axes import plain, row_label, save, sheet, value_ticks


def test_texts_are_no_formulas(tmp_path: Path) -> None:
    text, figure = r"dose $5 of \frac{$", sheet(3, 2)
    axes = figure.subplots()
    plain(axes, text, text, text)
    row_label(axes, text)
    value_ticks(axes, [0.0], [text])
    save(figure, tmp_path / "plot.png")  # a formula of it would be an error
    drawn = [one for one in figure.findobj(Text) if isinstance(one, Text) and one.get_text()]
    assert len(drawn) >= 5
    assert not [one for one in drawn if one.get_parse_math()]
