"""A scratch study of shell commands under DVC, in which every run of a stage leaves a line."""

from pathlib import Path

from dvc.repo import Repo

from stages.pipeline.repository import opened

STAGES = """\
stages:
  make:
    cmd: echo make >> runs; mkdir -p made && cat seed > made/seed
    deps: [seed]
    outs: [made]
  each:
    matrix: {member: [a, b]}
    cmd: >-
      echo each@${item.member} >> runs;
      echo "gpu ${item.member} $CUDA_VISIBLE_DEVICES" >> devices;
      test ! -e broken-${item.member} || { echo "no luck with ${item.member}"; exit 3; };
      cat data/seed > each/${item.member}
    deps: [data]
    params: [compute.device]
    outs: ["each/${item.member}"]
  same:
    cmd: echo same >> runs; cut -c1 seed > first
    deps: [seed]
    outs: [first]
  behind:
    cmd: echo behind >> runs; cat first > last
    deps: [first]
    outs: [last]
  join:
    cmd: echo join >> runs; cat each/a each/b > joined
    deps: [each]
    outs: [joined]
  slow:
    frozen: true
    cmd: echo slow >> runs; exit 1
    deps: [seed]
    outs: [kept: {cache: false}]
"""

IMPORT = """\
deps:
- path: made
outs:
- path: data
  hash: md5
"""

ALL = {"make", "each@a", "each@b", "join", "same", "behind"}


def write(root: Path) -> None:
    """Fill a folder with the scratch study; nothing of it has run, but for the frozen stage."""
    with Repo.init(str(root), no_scm=True) as repo, repo.config.edit() as config:
        config["core"]["analytics"] = False
    files = {"dvc.yaml": STAGES, "data.dvc": IMPORT, "seed": "1 one\n", "kept": "kept\n"}
    files |= {"params.yaml": "compute: {device: auto}\n", "runs": "", "devices": ""}
    for name, text in files.items():
        (root / name).write_text(text)
    (root / "each").mkdir()
    with opened(root) as repo:
        repo.commit("slow", force=True)


def runs(root: Path) -> list[str]:
    """Return which stages have run since the last call, in order."""
    lines = (root / "runs").read_text().split()
    (root / "runs").write_text("")
    return lines
