"""Why a run stopped, kept in its folder: one line, and below it the traceback, with the lines of the user's own code.

The terminal gets one line; whoever writes the generator needs all of it. Keeps nothing of an interruption.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ldbench.errors import GeneratorError, LdbenchError, MetricError, PluginError, ResultError
from ldbench.records.files import write_text_atomic
from ldbench.records.names import one_line, reason
from ldbench.records.run_folder import RunFolder


@contextmanager
def failure_kept(folder: RunFolder, first: bool = True) -> Iterator[None]:
    """Write what ends the block to the folder's error file, in place of what ended it before.

    Where a plug-in's code raised it, the error's line names the file; where it is none of ours, a note of it does. Of
    several processes, those that are not the `first` write plug-ins' errors alone: other errors of theirs only follow
    from the cause, and would replace it in the file.
    """
    if first:  # which may have failed before another comes here
        folder.error.unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        of_plugin = isinstance(error, LdbenchError) and _is_of_plugin(error)
        line = one_line(str(error)) if isinstance(error, LdbenchError) else reason(error)
        with suppress(ResultError):  # a full disk is told by the run itself
            if first or of_plugin:
                write_text_atomic(folder.error, f"{line}\n\n{''.join(traceback.format_exception(error))}")
            if of_plugin:
                error.args = (f"{error}; traceback: {folder.error}",)
            elif first and not isinstance(error, LdbenchError):
                error.add_note(f"traceback: {folder.error}")
        raise


def _is_of_plugin(error: LdbenchError) -> bool:
    """Whether a plug-in's code is the cause: an error that is not the suite's own. An `OSError` behind an error of
    another kind than the three of plug-ins is of the suite's own files."""
    ours = LdbenchError if isinstance(error, (GeneratorError, PluginError, MetricError)) else (LdbenchError, OSError)
    return error.__cause__ is not None and not isinstance(error.__cause__, ours)
