"""Names to generators and back: lazy, checked, traced, and loud about a broken or double plugin."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from ldbench.api import Generator
from ldbench.errors import PluginError, UnknownNameError
from ldbench.plugins.generators import GENERATORS, load_generator
from ldbench.plugins.kinds import METRICS, NETWORKS
from ldbench.plugins.model_ref import model_ref, named_content
from ldbench.plugins.parameters import build
from ldbench.plugins.registry import PluginEntry, import_file
from ldbench.plugins.scaffold.package import write_record_package
from tests.command_line import called
from tests.plugins.installed import GOOD, install


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_an_entry_point_is_listed_without_an_import_and_loaded_by_name(site: Path) -> None:
    (site / "grey_plugin.py").write_text(GOOD)
    install(site, "grey-plugin", "1.2", {"grey": "grey_plugin:Grey"})
    entry = PluginEntry("grey", "grey-plugin", "1.2", "grey_plugin:Grey")
    assert entry in GENERATORS.entries()
    assert GENERATORS.entry("grey") == entry
    assert "grey_plugin" not in sys.modules
    generator = build(load_generator("grey"), {"level": "0.25"})
    assert isinstance(generator, Generator)
    assert vars(generator) == {"level": 0.25}


def test_listing_needs_no_torch_and_no_plugin(site: Path) -> None:
    install(site, "broken-plugin", "1", {"broken": "no_such_module:Nothing"})
    code = (
        "import sys; from ldbench.plugins.generators import GENERATORS; print([e.name for e in GENERATORS.entries()]);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'diffusers')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r}); {code}"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert "'broken'" in done.stdout


def test_a_broken_plugin_names_its_distribution_and_its_cause(site: Path) -> None:
    (site / "raising_plugin.py").write_text("raise RuntimeError('no\\nlicence')")
    install(site, "raising-plugin", "0.9", {"raising": "raising_plugin:Any"})
    cause = r"'raising' of raising-plugin 0\.9 .*RuntimeError: no licence"
    with pytest.raises(PluginError, match=cause) as error:
        load_generator("raising")
    one_line(error)
    assert isinstance(error.value.__cause__, RuntimeError)


def test_a_plugin_that_exits_at_import_does_not_end_the_program(site: Path) -> None:
    (site / "exiting_plugin.py").write_text("import sys; sys.exit(0)")
    with pytest.raises(PluginError, match="SystemExit"):
        load_generator("exiting_plugin:Any")


def test_two_distributions_with_one_name_are_both_named_and_others_still_load(site: Path) -> None:
    (site / "twice_plugin.py").write_text(GOOD)
    install(site, "first-plugin", "1", {"twice": "twice_plugin:Grey"})
    install(site, "second-plugin", "2", {"twice": "twice_plugin:Grey", "once": "twice_plugin:Grey"})
    with pytest.raises(PluginError, match=r"first-plugin 1.*second-plugin 2") as error:
        load_generator("twice")
    assert load_generator("once").__name__ == "Grey"
    assert GENERATORS.clashes() == [str(error.value)]
    assert {"once", "real"} < {entry.name for entry in GENERATORS.entries()}
    assert "twice" not in {entry.name for entry in GENERATORS.entries()}


MADE = """
from ldbench.api import Metric, Network, Preset
from ldbench_baselines.references import MeanImage

SUMMARY = "Falls under " + "blur."

def metric(name, shade):
    return Metric(name, "A", SUMMARY, "higher", print, "images", axis="fidelity")

def network(summary):
    return Network("made-network", summary, print, print, 8, licence="MIT")

def preset(summary):
    return Preset(MeanImage, {}, summary)

SHARP = metric("made-metric", "not the title")
PLAIN = Metric("plain-metric", "A", SUMMARY, "higher", print, "images", axis="fidelity")
WRONG = metric("wrong-metric", "not the title").__class__("wrong-metric", "A", "S.", "up", print, "images")
NETWORK = network("Thirty readings.")
MEAN = preset("Another mean.")
"""


def test_a_record_that_a_function_made_is_asked_for_what_its_source_does_not_say(site: Path) -> None:
    (site / "made_plugin.py").write_text(MADE)
    install(site, "made-plugin", "1", {"made-metric": "made_plugin:SHARP", "plain-metric": "made_plugin:PLAIN",
                                       "wrong-metric": "made_plugin:WRONG"}, "ldbench.metrics")
    install(site, "made-network-plugin", "1", {"made-network": "made_plugin:NETWORK"}, "ldbench.networks")
    install(site, "made-preset-plugin", "1", {"made-preset": "made_plugin:MEAN"})
    metrics = called("list", "metrics")
    said = {line.split()[0]: " ".join(line.split()[1:-2]) for line in metrics.stdout.splitlines()}
    assert said["made-metric"] == said["plain-metric"] == "fidelity higher Falls under blur."
    assert "wrong-metric" not in said
    assert "Metric.direction: expected one of 'lower', 'higher', got 'up'" in metrics.stderr
    assert "MIT              Thirty readings. [" in called("list", "networks").stdout
    assert "Another mean. [made-preset-plugin 1]" in called("list", "models").stdout


def test_one_plugin_that_cannot_be_listed_hides_no_other(site: Path) -> None:
    raising = "    @classmethod\n    def capabilities(cls):\n        raise OSError('gone')\n"
    kinds = next(line for line in GOOD.splitlines(keepends=True) if "kinds:" in line)
    (site / "asked_plugin.py").write_text(GOOD.replace(kinds, raising))
    install(site, "first-plugin", "1", {"twice": "asked_plugin:Grey"})
    install(site, "second-plugin", "2", {"twice": "asked_plugin:Grey", "asks": "asked_plugin:Grey"})
    done = called("list", "models")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()].count("real") == 1
    clash, failing = done.stderr.splitlines()
    assert clash.startswith("warning: generator 'twice' is registered by first-plugin 1")
    assert failing.startswith("warning: generator 'asks' of second-plugin 2: capabilities() raised OSError: gone")


def test_an_unknown_name_suggests_the_nearest(site: Path) -> None:
    install(site, "named-plugin", "1", {"latent-walk": "named_plugin:Any"})
    with pytest.raises(UnknownNameError, match=r"'latent-wlak': did you mean latent-walk\?"):
        load_generator("latent-wlak")


def test_a_class_in_a_file_and_in_a_module(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "model.py"
    file.parent.mkdir()
    file.write_text("from __future__ import annotations\n" + GOOD)
    other = tmp_path / "model.py"
    other.write_text(GOOD.replace("0.5", "0.75"))
    (site / "module_plugin.py").write_text(GOOD)
    assert load_generator(f"{file}:Grey")().level == 0.5
    assert load_generator(f"{other}:Grey")().level == 0.75
    assert load_generator("module_plugin:Grey").__module__ == "module_plugin"


@pytest.mark.parametrize(
    ("spec", "kind", "message"),
    [
        ("{tmp}/none.py:Grey", UnknownNameError, "no file"),
        ("{tmp}/good.py:Gray", PluginError, r"defines no 'Gray': did you mean Grey\?; repair it"),
        ("{tmp}/syntax.py:Grey", PluginError, "SyntaxError"),
        ("no_such_package.module:Grey", UnknownNameError, "no such module; check its name, or install it"),
        (":Grey", UnknownNameError, "no such module"),
        ("{tmp}/needs.py:Grey", PluginError, "No module named 'no_such_package'; install what it imports"),
        ("json:loads", PluginError, "expected a subclass of ldbench.api.Generator"),
        ("ldbench.api:Case", PluginError, "expected a subclass of ldbench.api.Generator"),
        ("ldbench.api:Generator", PluginError, "doesn't define generate"),
    ],
)
def test_a_wrong_spec_is_one_line(tmp_path: Path, spec: str, kind: type[Exception], message: str) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "syntax.py").write_text("class Grey(:\n")
    (tmp_path / "needs.py").write_text("import no_such_package\n")
    with pytest.raises(kind, match=message) as error:
        load_generator(spec.format(tmp=tmp_path))
    one_line(error)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("@dataclass\n", "", "expected a dataclass"),
        ("def generate", "def produce", "doesn't define generate"),
        ("requests, context)", "requests)", r"expected generate\(self, requests, context\), got generate\("),
        ("level: float", "def fit(self, train): ...\n    level: float", r"fit\(self, train, context\), got fit\("),
        ("level: float", "fit = 3\n    level: float", r"train, context\), got an object of type int"),
        ("level: float = 0.5", "level: float", r"Grey\.level: expected a default"),
        ("level: float = 0.5", "level: list = field(default_factory=list)", r"level: expected bool, int"),
        ("level: float = 0.5", "level: float = 'half'", r"default of its own type \(float\), got 'half'"),
        ("level: float = 0.5", "level: float = 'a = b'", r"default of its own type \(float\), got 'a = b'"),
        ("level: float = 0.5", "level: float = float('nan')", r"default of its own type"),
        ("level: float = 0.5", "level: 'Missing' = 0.5", r"Grey\.level: can't read its type"),
        ('frozenset({"text-to-image"})', '"aging"', r'kinds: .* got \'aging\'; write frozenset\({"aging"}\)'),
        ("text-to-image", "text-to-video", "unknown kinds 'text-to-video'"),
        ("level: float", "capabilities = 3\n    level: float", r"capabilities\(\) raised TypeError"),
    ],
)
def test_a_class_that_breaks_the_protocol_is_refused(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    assert before in GOOD
    (tmp_path / "plugin.py").write_text(GOOD.replace(before, after))
    with pytest.raises(PluginError, match=message) as error:
        load_generator(f"{tmp_path / 'plugin.py'}:Grey")
    assert "plugin.py:Grey" in one_line(error)


def test_a_registered_generator_is_traced_to_its_distribution(site: Path) -> None:
    (site / "traced_plugin.py").write_text(GOOD)
    install(site, "traced-plugin", "4.5", {"traced": "traced_plugin:Grey"})
    ref = model_ref("traced", load_generator("traced")())
    assert (ref.name, ref.distribution, ref.version) == ("traced", "traced-plugin", "4.5")
    assert ref.parameters == {"level": 0.5}
    assert (ref.reference, ref.sees_truth) == (False, False)


def test_a_file_is_named_by_name_and_content_and_never_by_folder(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text(GOOD.replace("level: float", "sees_truth: ClassVar[bool] = True\n    level: float"))
    ref = model_ref(f"{file}:Grey", load_generator(f"{file}:Grey")())
    assert ref.name == "model.py:Grey"
    assert ref.version == f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"
    assert ref.distribution is None
    assert str(tmp_path) not in repr(ref)
    assert ref.sees_truth


def test_a_file_may_import_its_neighbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder, by the console script too, whose own path has neither."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "its_neighbour.py").write_text("GREY = 0.25\n", encoding="utf-8")
    file = tmp_path / "beside.py"
    file.write_text("from its_neighbour import GREY\n", encoding="utf-8")
    before = [*sys.path]
    assert import_file(file).GREY == 0.25
    assert import_file(file).GREY == 0.25
    assert sys.path == [*before, str(tmp_path.resolve())]


def test_what_parameters_name_is_known_by_content_and_words_are_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = "level: float = 0.5\n    word: str = 'scan'"
    fields += "\n    weights: str | None = None\n    mode: Literal['scan'] = 'scan'"
    text = GOOD.replace("level: float = 0.5", fields).replace("ClassVar\n", "ClassVar, Literal\n", 1)
    (tmp_path / "model.py").write_text(text)
    (tmp_path / "scan").mkdir()
    (tmp_path / "w.bin").write_bytes(b"1")
    monkeypatch.chdir(tmp_path)

    def named(**values: str) -> set[str]:
        return set(named_content(build(load_generator("model.py:Grey"), values), tmp_path / "runs"))

    assert named() == named(weights="nowhere") == named(weights="x" * 5000) == named(weights="a\0b") == set()
    assert named(weights="~nobody-of-this-name/w") == named(weights=" ") == set()
    assert named(weights="w.bin") == named(weights=str(tmp_path)) == {"content of weights"}
    assert named(word="./scan", weights="w.bin") == {"content of word", "content of weights"}


def test_a_module_nobody_installed_has_no_distribution(site: Path) -> None:
    (site / "loose_plugin.py").write_text(GOOD)
    ref = model_ref("loose_plugin:Grey", load_generator("loose_plugin:Grey")())
    assert (ref.name, ref.distribution, ref.version) == ("loose_plugin:Grey", None, None)


def test_a_file_without_its_class_is_answered_with_how_to_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_own_blur.py").write_text("", encoding="utf-8")
    with pytest.raises(UnknownNameError, match=r"give my_own_blur\.py:Class$"):
        load_generator("my_own_blur.py")
    with pytest.raises(UnknownNameError, match=r"give my_own_blur\.py:Blur$"):
        load_generator("my_own_blur:Blur")
    with pytest.raises(UnknownNameError, match=r"expected the name in it too; give my_own_blur\.py:NAME$"):
        METRICS.load("my_own_blur.py")
    with pytest.raises(UnknownNameError, match=r"or give path/to/file\.py:NAME or package\.module:NAME$"):
        NETWORKS.load("nobodys_own_network")


def test_a_package_that_lies_here_and_is_not_installed_is_told_from_an_unknown_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_record_package("my_own_edges", "network")
    with pytest.raises(UnknownNameError) as stop:
        NETWORKS.load("my_own_edges")
    assert str(stop.value) == (
        "unknown feature network 'my_own_edges': expected an installed package, got a folder my_own_edges that is not; "
        "pip install -e my_own_edges"
    )
    for kind in (METRICS, GENERATORS):
        with pytest.raises(UnknownNameError, match="see `ldbench list"):
            kind.load("my_own_edges")
