"""A gate's findings as JUnit XML, which continuous integration services list as tests.

One suite a task, one case a row and metric; a case that closes the gate has a failure, a row that is new or may be
missing is skipped, and so is a new one's unfinished run. What passed has its numbers as output. Times are not written,
so that the same findings give the same bytes. Characters that XML 1.0 does not allow become U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from ldbench.report.gate.findings import ROW, UNCOMPARED, Gate, GateFinding
from ldbench.report.gate.lines import line_of, said

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # the XML 1.0 production Char, negated


def render(gate: Gate) -> str:
    """The text of a JUnit file, UTF-8, newline at the end."""
    root = ElementTree.Element("testsuites", _counts("ldbench gate", gate.findings))
    for task in dict.fromkeys(finding.task for finding in gate.findings):
        findings = [finding for finding in gate.findings if finding.task == task]
        suite = ElementTree.SubElement(root, "testsuite", _counts(task, findings))
        for finding in findings:
            _case(suite, finding)
    ElementTree.indent(root)
    return "<?xml version='1.0' encoding='utf-8'?>\n" + ElementTree.tostring(root, encoding="unicode") + "\n"


def _counts(name: str, findings: Sequence[GateFinding]) -> dict[str, str]:
    fails = sum(finding.fails for finding in findings)
    skipped = sum(_is_skipped(finding) for finding in findings)
    return {
        "name": _legal(name), "tests": str(len(findings)), "failures": str(fails), "errors": "0",
        "skipped": str(skipped),
    }  # fmt: skip


def _case(suite: ElementTree.Element, finding: GateFinding) -> None:
    name = {"classname": _legal(f"{finding.task}.{finding.row}"), "name": _legal(_name(finding))}
    case = ElementTree.SubElement(suite, "testcase", name)
    if finding.fails:
        about = {"type": finding.verdict, "message": _legal(said(finding))}
        ElementTree.SubElement(case, "failure", about).text = _legal(line_of(finding))
    elif _is_skipped(finding):
        ElementTree.SubElement(case, "skipped", {"message": _legal(f"{finding.verdict}: {said(finding)}")})
    else:
        ElementTree.SubElement(case, "system-out").text = _legal(line_of(finding))


def _name(finding: GateFinding) -> str:
    return finding.metric if finding.metric != ROW else "run" if finding.verdict in ("failed", "unfinished") else "row"


def _is_skipped(finding: GateFinding) -> bool:
    return not finding.fails and finding.verdict in UNCOMPARED


def _legal(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
