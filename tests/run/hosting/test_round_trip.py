"""A hosted task as two users do it, each in a folder of their own, by the command line alone."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ldbench.data.images import read_image
from ldbench.data.render import read_rendered
from ldbench.errors import LdbenchError
from ldbench.records.run_folder import RunFolder
from tests.command_line import called
from tests.stand_ins.toy_simulator import Discs, draw
from tests.stand_ins.toy_simulator import card as toy_card


@dataclass(frozen=True)
class User:
    """Somebody with a working directory."""

    folder: Path

    def ldbench(self, *arguments: object, code: int = 0) -> str:
        """What a command prints, or the line of its error; it must end with this exit code."""
        with chdir(self.folder):
            done = called(*arguments)
        if isinstance(done.exception, LdbenchError):
            assert code == done.exception.exit_code, str(done.exception)
            return str(done.exception)
        assert done.exit_code == code, done.output
        return done.output


@pytest.fixture
def host(tmp_path: Path) -> User:
    (tmp_path / "host").mkdir()
    return User(tmp_path / "host")


@pytest.fixture
def guest(tmp_path: Path) -> User:
    (tmp_path / "guest").mkdir()
    return User(tmp_path / "guest")


def truth(host: User) -> Discs:
    return draw(read_rendered(host.folder / "secret-truth").seed)


@pytest.mark.slow
def test_edits_are_hosted_submitted_scored_revealed_and_checked(host: User, guest: User) -> None:
    card = toy_card(host.folder)
    said = host.ldbench("host", card, "--seed-file", "secret.json", "--out", "round", "--jobs", 1)
    assert all((host.folder / name).stat().st_mode & 0o077 == 0 for name in ("secret.json", "secret-truth"))
    another = toy_card(host.folder, text_to_image=True)
    assert "expected the seed file of" in host.ldbench("host", another, "--seed-file", "secret.json", code=2)
    commitment = json.loads((host.folder / "round" / "host.json").read_text(encoding="utf-8"))["seed_commitment"]
    assert commitment in said
    package = shutil.copytree(host.folder / "round", guest.folder / "round")
    nothing_of_the_truth_is_in(package, truth(host))

    asked = ("run", "round/task.toml", "tests.stand_ins.disc_generators:Honest", "--device", "cpu")
    assert "no scores: the task's host keeps the truth" in guest.ldbench(*asked)
    assert "the host keeps this image until" in guest.ldbench("run", "round/task.toml", "oracle", code=2)
    [run] = [path.parent for path in (guest.folder / "runs").rglob("result.json")]
    ranked_alone = json.loads((run / "result.json").read_text(encoding="utf-8")) | {"card_seeds": [9]}
    (run / "result.json").write_text(json.dumps(ranked_alone), encoding="utf-8")
    guest.ldbench("submit", run, "--out", "mine.zip")
    guest.ldbench("report", "runs")

    shutil.copy(guest.folder / "mine.zip", host.folder)
    nothing_is_mixed_into(RunFolder(host.folder / run.relative_to(guest.folder)), host)
    scored = host.ldbench("host", "score", "mine.zip", "--seed-file", "secret.json", "--device", "cpu")
    assert all(metric in scored for metric in ("psnr", "minimality", "composition", "reversibility"))
    assert "were scored" in host.ldbench("host", "score", "mine.zip", "--seed-file", "secret.json", code=2)
    [result] = (host.folder / "runs").rglob("result.json")
    record = json.loads(result.read_text(encoding="utf-8"))
    assert record["note"] == "scored by the host from submitted images"
    assert record["card_seeds"] == [0]
    assert record["environment"]["notes"][-1].startswith("scores recomputed on ")
    groups = json.loads(result.with_name("subgroups.json").read_text(encoding="utf-8"))
    # the seed is drawn anew: the few cases of a further pass may have no two of a group
    assert {"minimality", "psnr"} <= groups["values"].keys() <= {one["metric"] for one in record["scores"]}
    psnr = next(one["value"] for one in record["scores"] if one["metric"] == "psnr")
    assert psnr == pytest.approx(psnr_by_hand(result.parent / "images", truth(host)), abs=1e-3)

    assert "has not revealed the seed" in guest.ldbench("host", "check", "round", code=2)
    host.ldbench("host", "reveal", "round", "--seed-file", "secret.json")
    shutil.copytree(host.folder / "round", package, dirs_exist_ok=True)
    checked = guest.ldbench("host", "check", "round", "--jobs", 1)
    assert checked.count("holds: ") == 5
    assert "byte for byte" in checked
    assert "equal: all 4 scores" in host.ldbench("verify", result, "--task", "round/task.toml")
    forged = json.loads((package / "reveal.json").read_text(encoding="utf-8"))
    (package / "reveal.json").write_text(json.dumps(forged | {"seed": forged["seed"] + 1}), encoding="utf-8")
    told = guest.ldbench("host", "check", "round", "--jobs", 1, code=1)
    assert "FAILS: the seed is the one committed to" in told
    assert "FAILS: the seed gives the truth" in told


def nothing_is_mixed_into(folder: RunFolder, host: User) -> None:
    """Neither into a run at work nor into one that was begun; what a stopped scoring left is passed over after it."""
    asked = ("host", "score", "mine.zip", "--seed-file", "secret.json", "--device", "cpu")
    with folder.claimed():
        assert "another run is at work there" in host.ldbench(*asked, code=2)
    folder.begin({"seed": 0})
    assert "have a run that was begun there" in host.ldbench(*asked, code=2)
    folder.state.unlink()
    for images in folder.image_folders.values():
        images.mkdir(parents=True)
        (images / "of-another.png").touch()


def nothing_of_the_truth_is_in(package: Path, discs: Discs) -> None:
    """Neither a file of the truth, nor a true image among the sources, nor the seed."""
    names = {path.name for path in package.rglob("*") if path.is_file()}
    assert not names & {"images.npy", "records.json", "rendered.json", "secret.json"}
    answers = np.stack([discs.image(record) for record in discs.select("test", "other")])
    sources = [read_image(path, size=16).numpy() for path in (package / "sources").glob("*.png")]
    assert len(sources) == 24
    assert not any(np.array_equal(source, answer) for source in sources for answer in answers)


def psnr_by_hand(images: Path, discs: Discs) -> float:
    values = []
    for record in discs.select("test", "other"):
        made = read_image(images / f"{record.subject}-scan.png", size=16).numpy()
        error = float(np.mean((made.mean(axis=0) - discs.image(record)[0]) ** 2))
        values.append(-10 * np.log10(error))
    return float(np.mean(values))


def test_a_task_whose_data_have_no_simulator_leaves_no_secret(host: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_DATA", str(host.folder / "prepared"))
    own = Path(toy_card(host.folder))
    text = own.read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if line.startswith("dataset = ")]
    for name, said in (("films", "unknown data set 'films'"), ("adni1", "adni1: expected a data set with a simulator")):
        own.write_text(text.replace(line, f'dataset = "{name}"'), encoding="utf-8")
        assert said in host.ldbench("host", own, "--seed-file", "secret.json", code=2)
    own.write_text(text.replace(line, 'dataset = "films"'), encoding="utf-8")
    (host.folder / "prepared" / "films").mkdir(parents=True)
    said = host.ldbench("host", own, "--seed-file", "secret.json", code=2)
    assert said.startswith("films: expected a data set with a simulator, got prepared data of your own; ")
    assert not list(host.folder.glob("secret*"))


@pytest.mark.slow
def test_images_from_text_are_hosted_without_a_single_test_scan(host: User, guest: User) -> None:
    host.ldbench("host", toy_card(host.folder, text_to_image=True), "--seed-file", "secret.json", "--out", "round")
    package = shutil.copytree(host.folder / "round", guest.folder / "round")
    assert not list(package.rglob("*.png"))
    assert json.loads((package / "host.json").read_text(encoding="utf-8"))["records"] == []
    guest.ldbench("run", "round/task.toml", "mean-image", "--device", "cpu")
    [run] = [path.parent for path in (guest.folder / "runs").rglob("result.json")]
    assert "fid" in host.ldbench("host", "score", run, "--seed-file", "secret.json", "--device", "cpu")
    host.ldbench("host", "reveal", "round", "--seed-file", "secret.json")
    assert host.ldbench("host", "check", "round").count("holds: ") == 5
