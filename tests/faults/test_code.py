"""No file runs code when it is read, and no stage opens a connection."""

import ast
import hashlib
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from stages.recon.learned.checkpoints import load_member, save_member, serialised, weights_of
from stages.recon.learned.resume import read
from stages.recon.learned.training import start
from stages.study.errors import StudyError
from stages.study.layout import CONFIGURATION, WEIGHT_FILE
from tests.fabricated import ROOT
from tests.faults import corpus
from tests.faults.test_inputs import READERS
from tests.recon.conftest import train_params
from tests.scans import GRID

SOURCES = sorted((ROOT / "stages").rglob("*.py"))
CPU = torch.device("cpu")
RUNNING = ("pickle", "dill", "joblib", "marshal", "shelve", "cloudpickle")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where nothing has run."""
    monkeypatch.chdir(tmp_path)


def test_the_code_of_the_corpus_does_run_where_something_runs_it() -> None:
    pickle.loads(pickle.dumps(corpus.Code()))
    assert Path("it-ran").exists()


CARRIERS = [
    ("mask", "objects"),
    ("challenge", "pickle"),
    ("challenge", "objects"),
    ("weights", "pickle"),
    ("weights", "objects"),
    ("checkpoint", "code"),
    ("checkpoint", "code in the older format"),
    ("checkpoint", "bare pickle"),
    ("params", "code"),
]


@pytest.mark.parametrize(("kind", "name"), CARRIERS)
def test_code_in_a_file_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    file, faults, read_file = READERS[kind]
    faults[name].make(tmp_path / file)
    with pytest.raises(StudyError):
        read_file(tmp_path / file)
    assert not Path("it-ran").exists()


def test_code_in_a_checkpoint_of_a_training_is_left_out(tmp_path: Path) -> None:
    corpus.saved({"models": corpus.Code()})(tmp_path / "state.pt")
    content = (tmp_path / "state.pt").read_bytes()
    # whoever writes code into it can write its checksum too
    (tmp_path / "signed.pt").write_bytes(hashlib.sha256(content).digest() + content)
    assert read(tmp_path / "signed.pt") is None
    assert not Path("it-ran").exists()


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A member that has learned nothing."""
    folder = tmp_path_factory.mktemp("member")
    params = train_params("unet")
    configuration = {"architecture": "unet", "seed": 0, "train": params.model_dump(mode="json")}
    engine = start(params, "unet", 0, [(4, *GRID[1:])], CPU).engine
    (folder / "snapshot.pt").write_bytes(serialised(weights_of(engine)))
    save_member(folder, folder / "snapshot.pt", [], configuration)
    return folder


@pytest.fixture
def damaged(member: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it to be damaged, which is read before."""
    shutil.copytree(member, tmp_path / "m")
    load_member(tmp_path / "m", CPU)
    yield tmp_path / "m"
    assert not Path("it-ran").exists()


def nan_weights(path: Path) -> None:
    weights = torch.load(path, weights_only=True)
    next(iter(weights["model"].values())).fill_(float("nan"))
    torch.save(weights, path)


def without_model(path: Path) -> None:
    torch.save({"other": {}}, path)


WEIGHT = "{path}: expected the weights of unet.unet_2d.Unet2d, "
MEMBERS = {
    "code": (
        WEIGHT_FILE,
        corpus.saved({"model": corpus.Code()}),
        WEIGHT + "got one that holds code",
    ),
    "empty": (WEIGHT_FILE, corpus.filled(b""), WEIGHT + "got a file that is truncated"),
    "truncated": (
        WEIGHT_FILE,
        corpus.half(corpus.saved({})),
        WEIGHT + "got a file that is truncated",
    ),
    "folder": (WEIGHT_FILE, Path.mkdir, WEIGHT + "got a folder; train again"),
    "NaN": (WEIGHT_FILE, nan_weights, WEIGHT + "got a damaged file (weights that are NaN"),
    "other network": (
        WEIGHT_FILE,
        without_model,
        WEIGHT + "got a damaged file ('model'); train again",
    ),
    "tensor for a network": (
        WEIGHT_FILE,
        corpus.saved(torch.zeros(3)),
        WEIGHT + "got a damaged file (",
    ),
    "packed": (WEIGHT_FILE, corpus.packed_checkpoint, WEIGHT + "got a damaged file (unpacks to"),
    "no configuration": (CONFIGURATION, lambda p: None, "{path}: expected a JSON file, found none"),
    "list": (CONFIGURATION, corpus.table("[]"), "{path}: expected a JSON object, got list"),
    "no parameters": (
        CONFIGURATION,
        corpus.table('{"train": {}}'),
        "{path}: expected a member's parameters below 'train', found none",
    ),
    "unknown parameter": (
        CONFIGURATION,
        corpus.table('{"train": {"pretrained": {}, "stepps": 3}}'),
        "{path}: ",
    ),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_damaged_members(name: str, damaged: Path) -> None:
    file, make, line = MEMBERS[name]
    path = damaged / file
    if name != "NaN":
        path.unlink()
    make(path)
    with pytest.raises(StudyError) as raised:
        load_member(damaged, CPU)
    assert str(raised.value).startswith(line.format(path=path))
    assert "\n" not in str(raised.value)


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    """Yield the syntax of every module of the study."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def test_no_call_can_run_what_it_reads() -> None:
    n_loads = 0
    for path, node in nodes():
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names} & set(RUNNING), path
        if not isinstance(node, ast.Call):
            continue
        where, name = f"{path}:{node.lineno}", ast.unparse(node.func)
        options = {word.arg: word.value for word in node.keywords}
        if name == "torch.load":
            n_loads += 1
            assert options["weights_only"].value is True, where
        if "allow_pickle" in options:
            assert options["allow_pickle"].value is False, where
        forbidden = ("eval", "exec", "yaml.load", "yaml.unsafe_load", "pd.read_pickle")
        assert name not in forbidden, where
    assert n_loads == 3


def namespace() -> list[str]:
    """Return the command that takes all network interfaces away, nothing where it may not."""
    command = ["unshare", "--net", "--map-root-user"]
    if shutil.which("unshare") is None:
        return []
    done = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if done.returncode == 0 else []


def offline(prefix: list[str], folder: Path) -> subprocess.CompletedProcess:
    """Run the scripts offline."""
    (folder / "toy").mkdir(parents=True)
    return subprocess.run(
        [*prefix, sys.executable, "-m", "tests.faults.offline", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_guard_ends_a_process_that_looks_up_a_name() -> None:
    program = (
        "import sys; from tests.faults.offline import refuse; sys.addaudithook(refuse);"
        "import socket; socket.getaddrinfo('localhost', 80)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3 and done.stderr.startswith("network: socket.getaddrinfo")


def test_no_script_opens_a_connection(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    prefix = namespace()
    if not prefix:
        with capsys.disabled():
            print("\nno network namespace may be made here: a guard watches the sockets alone")
    done = offline(prefix, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.rstrip().endswith("offline: done")
