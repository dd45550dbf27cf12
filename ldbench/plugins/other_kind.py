"""What an object is that stands where a plug-in of another kind was expected: its kind, and what takes that kind."""

from __future__ import annotations

from ldbench.api import DataSource, Estimator, Generator, Metric, Network, Preset

_GENERATOR = "a generator: `ldbench check` tries one"
_RECORDS = {
    Metric: "a metric: `ldbench gauntlet TASK --metric` tries one",
    Network: "a feature network: `ldbench measure REAL GENERATED --network` takes one",
    DataSource: "a data set: `ldbench data prepare` takes one",
    Estimator: "an estimator: a metric's table on a card names one",
    Preset: _GENERATOR,
}


def what_it_is(candidate: object) -> str:
    """The kind of an object in a few words; never its `repr`, which may be long and says no kind.

    >>> what_it_is(3)
    'an object of type int'
    """
    if isinstance(candidate, type):
        return _GENERATOR if issubclass(candidate, Generator) else f"the class {candidate.__qualname__}"
    if isinstance(candidate, Generator):
        return f"a generator with its parameters: name the class, {type(candidate).__name__}"
    of_record = (said for record, said in _RECORDS.items() if isinstance(candidate, record))
    return next(of_record, f"an object of type {type(candidate).__qualname__}")
