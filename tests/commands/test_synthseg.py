"""The command, in its own process and in ours."""

import subprocess
import sys
from dataclasses import replace
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from stages.commands.synthseg import arguments, check_names, main, name_of
from stages.segmenters.preprocess import from_ras
from stages.segmenters.synthseg import model
from stages.storage.nifti import affine, save_volume


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


def test_a_loop_of_commands_keeps_every_row(tmp_path, monkeypatch, tiny_weights, write_image):
    out = tmp_path / "out"
    for name in ("a.nii.gz", "B.NII.GZ", "a.nii.gz"):
        write_image(tmp_path / "written.nii.gz")
        (tmp_path / "written.nii.gz").rename(tmp_path / name)
        run(monkeypatch, tmp_path / name, "--weights", tiny_weights, "--out", out)
    rows = [line.split(",") for line in (out / "volumes.csv").read_text().splitlines()]
    assert [row[0] for row in rows] == ["subject", "a", "B"]
    assert rows[1][1:] == rows[2][1:]
    assert (out / "B_labels.nii.gz").is_file()


def test_a_table_of_other_structures_stops_before_the_work(
    tmp_path, monkeypatch, tiny_weights, write_image, capsys
):
    write_image(tmp_path / "a.nii.gz")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/volumes.csv").write_text("subject,total intracranial,soul\nb,1,1\n")
    with pytest.raises(SystemExit):
        run(
            monkeypatch, tmp_path / "a.nii.gz", "--weights", tiny_weights, "--out", tmp_path / "out"
        )
    assert "set another --out" in capsys.readouterr().err.splitlines()[-1]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["volumes.csv"]


def test_what_may_surprise_is_a_warning(tmp_path, monkeypatch, tiny_weights, capsys):
    noise = np.random.default_rng(0).random((9, 12, 10, 3)).astype(np.float32)
    nib.save(nib.Nifti1Image(noise, np.diag([2, 2, 2, 1])), tmp_path / "four.nii.gz")
    air = np.pad(noise[..., 0], 5)
    nib.save(nib.Nifti1Image(air, np.diag([2, 2, 2, 1])), tmp_path / "air.nii.gz")
    monkeypatch.setattr("stages.segmenters.image.AMPLE_LITRES", 0.01)
    paths = [tmp_path / "four.nii.gz", tmp_path / "air.nii.gz"]
    options = "--orientation", "off", "--weights", tiny_weights, "--out", tmp_path / "out"
    run(monkeypatch, *paths, *options)
    lines = capsys.readouterr().err.split("warning: ")[1:]
    assert len(lines) == 4
    assert "four.nii.gz: the first of 3 volumes is segmented" in lines[0]
    assert "four.nii.gz: expected volumes of a head" in lines[1]  # it is one of noise
    assert "air.nii.gz: intensities are scaled by percentiles of the whole image" in lines[2]
    assert "air.nii.gz: expected volumes of a head" in lines[3]


def test_own_networks_cut_to_the_head_and_have_nothing_to_say_of_air(
    tmp_path, monkeypatch, tiny_model, capsys
):
    cut = replace(tiny_model, recipe=replace(tiny_model.recipe, cropped=True))
    model.save(tmp_path / "cut.npz", cut)
    axes = np.meshgrid(*(4.0 * (np.arange(30) - 15),) * 3, indexing="ij", sparse=True)
    head = (sum(axis**2 for axis in axes) < 50**2) * np.random.default_rng(0).random((30,) * 3)
    for name, width in (("tight", 0), ("wide", 40)):
        matrix = np.diag([4.0, 4, 4, 1])
        matrix[:3, 3] = -4 * width
        stored = nib.Nifti1Image(np.pad(head, width).astype(np.float32), matrix)
        nib.save(stored, tmp_path / f"{name}.nii.gz")
    paths = [tmp_path / f"{name}.nii.gz" for name in ("tight", "wide")]
    options = "--orientation", "off", "--weights", tmp_path / "cut.npz", "--out", tmp_path / "out"
    run(monkeypatch, *paths, *options)
    rows = (tmp_path / "out" / "volumes.csv").read_text().splitlines()[1:]
    assert rows[0].split(",")[1:] == rows[1].split(",")[1:]
    assert "percentiles" not in capsys.readouterr().err


CODES = ["".join(c) for o in permutations(("RL", "AP", "SI")) for c in product(*o)]


@pytest.mark.kernels
def test_all_48_axis_orders_and_directions_give_one_volume_table(
    tmp_path, monkeypatch, native_weights
):
    data = np.random.default_rng(0).random((9, 12, 7)).astype(np.float32)  # right, anterior, ...
    for codes in CODES:
        probe = affine(data.shape, (1.0,) * 3, codes)
        stored = from_ras(data, probe)
        save_volume(tmp_path / f"{codes}.nii.gz", stored, affine(stored.shape, (1.0,) * 3, codes))
    paths = [tmp_path / f"{codes}.nii.gz" for codes in CODES]
    run(monkeypatch, *paths, "--weights", native_weights, "--out", tmp_path / "out")
    rows = (tmp_path / "out" / "volumes.csv").read_text().splitlines()[1:]
    assert len({row.split(",", 1)[1] for row in rows}) == 1 and len(rows) == 48
    plain = np.asarray(nib.load(tmp_path / "out" / "RAS_labels.nii.gz").dataobj)
    for codes in CODES:
        labels = nib.load(tmp_path / "out" / f"{codes}_labels.nii.gz")
        assert np.array_equal(nib.as_closest_canonical(labels).dataobj, plain)


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
        "import sys, stages.segment, stages.commands.synthseg;"
        "print([m for m in ('pandas', 'direct', 'h5py', 'matplotlib', 'sklearn')"
        " if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_parcels(tmp_path, monkeypatch, further_weights, capsys):
    shape = (9, 14, 10)
    for name in ("a", "b"):
        data = np.random.default_rng(len(name)).random(shape, np.float32)
        save_volume(tmp_path / f"{name}.nii.gz", data, affine(shape, (1.0, 1.0, 1.0), "SAR"))
    out = tmp_path / "out"
    options = ["--orientation", "off", "--weights", further_weights / "fine.npz", "--out", out]
    further = ["--parc", further_weights / "parc.h5"]
    for name in ("a", "b"):
        run(monkeypatch, tmp_path / f"{name}.nii.gz", *options, *further)
    assert nib.load(out / "a_labels.nii.gz").get_fdata().max() > 2000
    volumes = [line.split(",") for line in (out / "volumes.csv").read_text().splitlines()]
    assert len(volumes[0]) == 2 + 32 + 68 and volumes[0][-1] == "ctx-rh-insula"
    assert [row[0] for row in volumes] == ["subject", "a", "b"]
    with pytest.raises(SystemExit):  # a table with parcels takes no rows without them
        run(monkeypatch, tmp_path / "a.nii.gz", *options)
    assert "set another --out" in capsys.readouterr().err.splitlines()[-1]
