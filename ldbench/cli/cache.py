"""The commands `ldbench cache list` and `ldbench cache clear`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ldbench.records.caches import CachedKind

cache = typer.Typer(
    name="cache", no_args_is_help=True, callback=lambda: None, help="See what the cache folder holds, and clear it.",
)


@cache.command("list")
def list_() -> None:
    """Print the cache folder, and for each kind of file in it how many there are, their size and their last use."""
    from ldbench.records.caches import WHAT, cached_kinds
    from ldbench.records.files import user_cache_folder
    from ldbench.records.names import in_bytes
    from ldbench.report.tables.text_table import TextTable, to_terminal

    kinds = cached_kinds()
    rows = [(one.kind, str(one.files), in_bytes(one.size), _last(one), WHAT[one.kind]) for one in kinds]
    typer.echo(str(user_cache_folder()))
    typer.echo(to_terminal(TextTable(("kind", "files", "size", "last used", "what"), rows, "lrrll")), nl=False)


@cache.command()
def clear(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(help="What to delete, as `list` names it. Without: all that can be computed again."),
    ] = None,
    unused_for: Annotated[float, typer.Option(min=0, help="Only files that were not used for so many days.")] = 0,
) -> None:
    """Delete files of the cache. Weights go only by their name; prepared data are no cache and never go."""
    from ldbench.errors import unknown_name
    from ldbench.records.caches import RECOMPUTED, WHAT
    from ldbench.records.caches import clear as clear_kinds
    from ldbench.records.names import in_bytes

    for kind in kinds or ():
        if kind not in WHAT:
            raise unknown_name("kind of cached file", kind, tuple(WHAT), "see `ldbench cache list`")
    deleted = clear_kinds(kinds or RECOMPUTED, unused_for)
    for one in deleted:
        typer.echo(f"{one.kind}: {in_bytes(one.size)} deleted, files: {one.files}")


def _last(one: CachedKind) -> str:
    if one.unused_days is None:
        return ""
    return "today" if one.unused_days < 1 else f"{one.unused_days:.0f} days ago"
