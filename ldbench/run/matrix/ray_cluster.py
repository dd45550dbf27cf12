"""The runs of a matrix as Ray tasks, each in a fresh worker process, on this machine or on a cluster.

Which run goes where and when is Ray's decision; we state what one needs. A cluster of our own listens on the loopback
interface only, sends no usage statistics and leaves nothing behind. A run that failed is not repeated: only one whose
process died is started again, and goes on where it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ldbench.errors import UsageError
from ldbench.records.names import message, reason
from ldbench.run.environment import usable_cores
from ldbench.run.matrix.plan import Job, JobOutcome
from ldbench.run.matrix.worker import is_finished, read_back, thread_limits, work
from ldbench.score.networks.weights import VARIABLE

LOOK_EVERY = 0.5
CONNECT_SECONDS = 10.0
SEEN_SECONDS = 10.0  # that a result which another machine has just written may take to be seen here
TURN_SECONDS = 120.0  # a machine that the cluster gave up may still be at a run until it finds out
LONGEST_TEMPORARY = 40
OBJECT_STORE = 80 * 2**20  # bytes, near the least that Ray takes; only orders and outcomes pass through it
# Ray reads these once, when it is imported. At 0, the second binds it to the loopback interface on every system,
# whatever the name says (its get_node_ip_address). Without a token of ours it would write one into the user's home.
OWN_CLUSTER: Mapping[str, str] = {
    "RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token",
}  # fmt: skip
HANDED_ON = ("LDBENCH_CACHE", "LDBENCH_DATA", "LDBENCH_ALLOW_DOWNLOAD", "HF_HOME", "HF_HUB_OFFLINE")


@dataclass(frozen=True)
class Cluster:
    """Where the runs go and what each needs.

    `workers`: so many at a time on this machine; or `address`: a running cluster's (`auto` for the one on this
    machine). `gpus` None: one where the cluster has any and the device isn't the CPU. `retries`: how often a run whose
    process died is started again.
    """

    workers: int | None = None
    address: str | None = None
    cpus: int | None = None
    gpus: float | None = None
    retries: int = 1

    def __post_init__(self) -> None:
        if (self.workers is None) == (self.address is None):
            raise UsageError("--workers and --ray: expected one of them; --workers starts Ray on this machine")
        for option, value, least in (("--workers", self.workers, 1), ("--cpus-per-run", self.cpus, 1),
                                     ("--gpus-per-run", self.gpus, 0), ("--retries", self.retries, 0)):  # fmt: skip
            if value is not None and value < least:
                raise UsageError(f"{option}: expected {least} or more, got {value}")

    @property
    def cpus_per_run(self) -> int:
        """As stated, or this machine's cores shared among the workers, or one on somebody else's cluster."""
        if self.cpus is not None:
            return self.cpus
        if self.workers is None:
            return 1
        return max(1, usable_cores() // self.workers)


def with_ray(
    jobs: Sequence[Job], cluster: Cluster, look: Callable[[], None]
) -> Generator[tuple[Job, JobOutcome], None, None]:
    """Each job and how it ended, as they end; `look` is called twice a second meanwhile.

    Closing the iterator cancels what is left. UsageError where Ray is missing, can't be reached, or has no machine
    with what a run needs.
    """
    with _connected(cluster) as ray:
        gpus, device = _device(ray, cluster, jobs[0].device)
        waiting = {
            _submit(ray, dataclasses.replace(job, device=device, threads=cluster.cpus_per_run), cluster, gpus): job
            for job in jobs
        }
        try:
            while waiting:
                look()
                for reference in ray.wait(list(waiting), timeout=LOOK_EVERY)[0]:
                    job = waiting.pop(reference)
                    yield job, _ended(ray, reference, job, cluster)
        finally:
            for reference in waiting:
                ray.cancel(reference, force=True)


def _submit(ray: ModuleType, job: Job, cluster: Cluster, gpus: float) -> Any:
    """Order one run. One that is finished needs no process of its own, which saves importing everything anew."""
    done = is_finished(job)
    task = ray.remote(
        num_cpus=cluster.cpus_per_run, num_gpus=gpus, max_calls=0 if done else 1, max_retries=cluster.retries,
        retry_exceptions=False, runtime_env={"env_vars": handed_on(os.environ) | thread_limits(job.threads)},
    )(read_back if done else work)  # fmt: skip
    return task.options(name=job.label).remote(job, *([] if done else [TURN_SECONDS]))


def handed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that decide what a run finds; never all, as Ray shows them and tokens are among them."""
    return {name: value for name, value in environment.items() if name in HANDED_ON or name.startswith(VARIABLE)}


def _ended(ray: ModuleType, reference: Any, job: Job, cluster: Cluster) -> JobOutcome:
    log = job.run_folder.log
    try:
        outcome: JobOutcome = ray.get(reference)
    except ray.exceptions.OutOfMemoryError:
        reason = f"out of memory {_times(cluster)}; fewer --workers or more --cpus-per-run leave more for each"
        return JobOutcome("failed", 0.0, f"{reason}; {log} may say more")
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError):
        return JobOutcome("failed", 0.0, f"its process died {_times(cluster)} before the run ended; {log} may say more")
    except ray.exceptions.RayError as error:
        # the last line of a traceback from the other machine says what it was
        lines = str(error).strip().splitlines()
        return JobOutcome("failed", 0.0, f"Ray: {message(error) if not lines else lines[-1][:300]}")
    if outcome.status != "failed" and not is_finished(job, SEEN_SECONDS):
        reason = f"{job.folder} isn't seen from here; --out must be a shared folder"
        return JobOutcome("failed", outcome.seconds, reason)
    return outcome


def _times(cluster: Cluster) -> str:
    return "once" if cluster.retries == 0 else f"{cluster.retries + 1} times"


def _device(ray: ModuleType, cluster: Cluster, device: str) -> tuple[float, str]:
    """GPUs per run and the device's name there; UsageError where no machine of the cluster has what a run needs."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    most_gpus = max(node.get("GPU", 0.0) for node in nodes)
    gpus = cluster.gpus if cluster.gpus is not None else float(device != "cpu" and most_gpus > 0)
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device: expected auto, cpu or cuda, since Ray says which GPU a run gets; got {device!r}")
    if device == "cuda" and gpus == 0:
        raise UsageError("--device cuda: expected a GPU for each run, got none; see --gpus-per-run, or --device cpu")
    if not any(n.get("CPU", 0.0) >= cluster.cpus_per_run and n.get("GPU", 0.0) >= gpus for n in nodes):
        raise UsageError(
            f"--cpus-per-run, --gpus-per-run: expected at most what a machine of the cluster has, got "
            f"{cluster.cpus_per_run} CPUs and {gpus:g} GPUs for a run; the largest has "
            f"{max(n.get('CPU', 0.0) for n in nodes):g} and {most_gpus:g}"
        )
    return gpus, "cuda" if gpus > 0 and device == "auto" else "cpu" if device == "auto" else device


@contextlib.contextmanager
def _connected(cluster: Cluster) -> Iterator[ModuleType]:
    """Ray, connected. What Ray prints about its workers goes to the log `ldbench.ray`, not between our lines."""
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {"address": cluster.address}
        if cluster.workers is not None:
            options = stack.enter_context(_own_cluster(cluster, cluster.workers))
        elif cluster.address is not None:
            _knock(cluster.address)
        try:
            import ray
        except ImportError as error:
            raise UsageError("--workers and --ray need Ray; pip install 'ldbench[ray]'") from error
        stack.enter_context(contextlib.redirect_stdout(_ToLog(logging.getLogger("ldbench.ray"))))
        stack.callback(ray.shutdown)
        terminate = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ImportError, RuntimeError, TimeoutError, ValueError, ray.exceptions.RayError) as error:
            where = "--workers" if cluster.address is None else f"--ray {cluster.address}"
            got = reason(error)
            raise UsageError(f"{where}: expected a Ray cluster, got {got}") from error
        finally:
            signal.signal(signal.SIGTERM, terminate)  # Ray's own aborts, and nothing would be cleared up
        yield ray


def _knock(address: str) -> None:
    """UsageError where nothing listens: Ray itself takes six minutes to say so."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdecimal():
        raise UsageError(f"--ray: expected auto, HOST:PORT or ray://HOST:PORT, got {address!r}")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"--ray {address}: expected a Ray cluster to listen there, got {message(error)}") from error


@contextlib.contextmanager
def _own_cluster(cluster: Cluster, workers: int) -> Iterator[dict[str, Any]]:
    """What `ray.init` needs for a cluster that lives as long as the block."""
    temporary = tempfile.gettempdir()
    if len(temporary) > LONGEST_TEMPORARY:
        raise UsageError(
            f"--workers: expected a temporary folder of at most {LONGEST_TEMPORARY} characters, since the paths of "
            f"Ray's sockets start with it, got {temporary}; set TMPDIR=/tmp"
        )
    if "ray" not in sys.modules:
        os.environ.update({**OWN_CLUSTER, "RAY_AUTH_TOKEN": secrets.token_hex(32)})
    folder = tempfile.mkdtemp(prefix="ray-")
    try:
        yield {
            "address": "local", "num_cpus": workers * cluster.cpus_per_run, "include_dashboard": False,
            "object_store_memory": OBJECT_STORE,
            "_temp_dir": f"{folder}/r",  # below ours, since Ray opens its own to everybody
            "_system_config": {"task_oom_retries": cluster.retries, "worker_niceness": 0},  # 15 if unsaid
        }  # fmt: skip
    finally:
        # a process of Ray that is still leaving may write once more
        shutil.rmtree(folder, ignore_errors=True)


class _ToLog(io.TextIOBase):
    """A stream that hands every line to a logger."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def write(self, text: str) -> int:
        """Log what isn't blank."""
        if text.strip():
            self._logger.info(text.rstrip())
        return len(text)
