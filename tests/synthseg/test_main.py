"""The command, in its own process and in ours."""

import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from stages.synthseg.__main__ import arguments, check_names, main, name_of


def run(monkeypatch, *values):
    monkeypatch.setattr(sys, "argv", ["synthseg", *map(str, values)])
    main()


def test_several_images_and_one_that_cannot_be_read(
    tmp_path, monkeypatch, tiny_weights, write_image, capsys
):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_image(tmp_path / name)
    (tmp_path / "bad.nii.gz").write_bytes(b"no image")
    paths = [tmp_path / name for name in ("a.nii.gz", "bad.nii.gz", "b.nii.gz")]
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *paths, "--weights", tiny_weights, "--out", out)
    assert stopped.value.code == 1
    assert "bad.nii.gz" in capsys.readouterr().err.splitlines()[-1]
    assert sorted(p.name for p in out.iterdir()) == [
        "a_labels.nii.gz",
        "b_labels.nii.gz",
        "volumes.csv",
    ]
    lines = (out / "volumes.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["subject", "a", "b"]
    assert lines[1].split(",")[1:] == lines[2].split(",")[1:]
    labels, image = nib.load(out / "a_labels.nii.gz"), nib.load(paths[0])
    assert labels.shape == image.shape and np.array_equal(labels.affine, image.affine)


@pytest.mark.parametrize("codes", ["RAS", "LPI", "ASR"])
def test_the_axis_order_of_the_file_does_not_matter(codes, tmp_path, tiny_model):
    from stages.images import affine
    from stages.synthseg.inference import Segmenter
    from stages.synthseg.preprocess import Scan, from_ras

    data = np.random.default_rng(0).random((10, 12, 8))
    size = np.full(3, 2.0)
    segmenter = Segmenter(tiny_model)
    plain = segmenter.segment_scan(Scan(data, affine(data.shape, (2.0,) * 3, "RAS"), size))
    probe = affine(data.shape, (2.0,) * 3, codes)
    stored = np.ascontiguousarray(from_ras(data, probe))
    turned = segmenter.segment_scan(Scan(stored, affine(stored.shape, (2.0,) * 3, codes), size))
    assert np.array_equal(from_ras(plain.labels, probe), turned.labels)
    assert np.array_equal(plain.volumes_mm3, turned.volumes_mm3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--weights", "none.h5"], "none.h5: expected"),
        (["--weights", "none.npz"], "none.npz: expected"),
        (["--mode", "robust"], "robust"),
        (["--threads", "0"], "--threads"),
        (["--weights", "none.txt"], "none.txt: expected"),
    ],
)
def test_bad_options_are_one_line(options, message, tmp_path, monkeypatch, tiny_weights, capsys):
    weights = [] if "--weights" in options else ["--weights", str(tiny_weights)]
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, tmp_path / "a.nii.gz", "--out", tmp_path / "out", *options, *weights)
    assert stopped.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(lines) == 1 and message in lines[0]
    assert not (tmp_path / "out").exists()


def test_names():
    from pathlib import Path

    assert name_of(Path("x/sub-1_T1w.nii.gz")) == "sub-1_T1w"
    assert name_of(Path("b.mgz")) == "b"
    with pytest.raises(Exception, match="overwrite"):
        check_names([Path("x/a.nii"), Path("y/a.nii.gz")])


def test_embedded_is_the_default():
    options = arguments(["a.nii.gz", "--out", "out"])
    assert options.weights == "embedded" and options.mode == "standard" and options.threads == 1


def test_imports_stay_light():
    code = (
        "import sys, stages.segment, stages.synthseg.__main__;"
        "print([m for m in ('pandas', 'direct', 'h5py', 'matplotlib', 'sklearn')"
        " if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
