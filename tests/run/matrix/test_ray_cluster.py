"""A matrix on a Ray cluster of two nodes, of which one dies with a run on it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from tests.conftest import cheap_card
from tests.run.matrix.conftest import SLOW, Start, records, wait_until

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_health_check_period_ms": "1000",
    "RAY_worker_niceness": "0",  # 15 if unsaid, which stands still on a machine that has other work
}  # fmt: skip


@dataclass
class Node:
    """One node: `ray start` and all the processes below it."""

    process: subprocess.Popen[bytes]

    def processes(self) -> dict[int, str]:
        """The command lines of the node's processes, by id."""
        found, waiting = dict[int, str](), [self.process.pid]
        while waiting:
            task = Path("/proc") / str(pid := waiting.pop())
            with suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
                found[pid] = (task / "cmdline").read_text(encoding="utf-8").replace("\0", " ").strip()
                waiting += [int(child) for file in task.glob("task/*/children") for child in file.read_text().split()]
        return found

    def at_work(self) -> dict[int, str]:
        """Those that do a slow run; Ray gives a worker the name of its task."""
        return {pid: line for pid, line in self.processes().items() if line.startswith("ray::small") and SLOW in line}

    def die(self) -> None:
        """End everything at once, as a power cut does."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True)
class TwoNodes:
    """A cluster on this machine, with its address, a head and a second node, each of one CPU."""

    address: str
    head: Node
    second: Node


def ray_start(log: Path, *arguments: str) -> Node:
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--node-ip-address=127.0.0.1", "--num-cpus=1",
        f"--object-store-memory={80 * 2**20}", *arguments,
    ]  # fmt: skip
    with log.open("wb") as stream:
        return Node(subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT))


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def two_nodes(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoNodes]:
    """Both nodes, up; whatever is left of them at the end is killed."""
    pytest.importorskip("ray", reason="the extra ldbench[ray] isn't installed")
    if not Path("/proc/self/task").is_dir():
        pytest.skip("the processes of a node are found in /proc")
    for name, value in (SETTINGS | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}).items():
        monkeypatch.setenv(name, value)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log, nodes = temporary / "head.log", list[Node]()
    try:
        nodes.append(ray_start(log, "--head", f"--port={port}", "--include-dashboard=false",
                               f"--temp-dir={temporary}/r"))  # fmt: skip
        wait_until(lambda: listens(port), nodes[0].process, log)
        log = temporary / "second.log"
        nodes.append(ray_start(log, f"--address=127.0.0.1:{port}"))
        wait_until(lambda: any("raylet" in line for line in nodes[1].processes().values()), nodes[1].process, log)
        yield TwoNodes(f"127.0.0.1:{port}", *nodes)
    finally:
        for node in reversed(nodes):
            node.die()


@pytest.mark.slow
def test_the_run_of_a_node_that_dies_moves_and_all_is_as_one_process_makes_it(
    tmp_path: Path, two_nodes: TwoNodes, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, out, log = str(cheap_card(tmp_path, cases=4)), tmp_path / "runs", tmp_path / "log"
    process = start(card, "--models", SLOW, "--seeds", "0-2", "--set", "pause=2", "--batch-size", "2",
                    "--out", str(out), "--ray", two_nodes.address, log=log)  # fmt: skip
    wait_until(two_nodes.second.at_work, process, log)
    [at_work] = two_nodes.second.at_work().values()
    seed = at_work.rpartition(" ")[2]
    wait_until(lambda: list(out.glob(f"*/*/seed-{seed}/images/*.png")), process, log)
    two_nodes.second.die()
    assert process.wait(180) == 0, log.read_text(encoding="utf-8")
    ended = [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith(("done ", "failed "))]
    assert [line.split()[0] for line in ended] == ["done"] * 3
    begun = {path.parent.name: path.read_text(encoding="utf-8").count("--- ") for path in out.rglob("run.log")}
    assert begun == {f"seed-{number}": 2 if str(number) == seed else 1 for number in range(3)}
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    for number in range(3):
        run(card, SLOW, Settings(tmp_path / "serial", number, batch_size=2, overrides={"pause": "2"}))
    assert records(out) == records(tmp_path / "serial")
    assert not list(out.rglob(".progress"))
