"""Why a run stopped, kept in its folder: one line, and below it the traceback, with the lines of the user's own code.

The terminal gets one line; whoever writes the generator needs all of it. Keeps nothing of an interruption.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ldbench.errors import LdbenchError, ResultError
from ldbench.records.files import write_text_atomic
from ldbench.records.names import one_line, reason
from ldbench.records.run_folder import RunFolder


@contextmanager
def failure_kept(folder: RunFolder) -> Iterator[None]:
    """Write what ends the block to the folder's error file, in place of what ended it before.

    Where a plug-in's code raised it, the error's line names the file.
    """
    folder.error.unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        known = isinstance(error, LdbenchError)
        line = one_line(str(error)) if known else reason(error)
        with suppress(ResultError):  # a full disk is told by the run itself
            write_text_atomic(folder.error, f"{line}\n\n{''.join(traceback.format_exception(error))}")
            if known and error.__cause__ is not None and not isinstance(error.__cause__, (LdbenchError, OSError)):
                error.args = (f"{error}; traceback: {folder.error}",)
        raise
