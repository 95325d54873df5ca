"""The methods follow the parameters, whatever they are, and cite in order."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from stages.figures.kit.facts import Facts
from stages.page.methods_section import WORKS, Citations, Made, methods
from stages.params.phantom import PhantomParams
from stages.params.settings import Settings
from stages.params.train import PretrainedParams
from tests.fabricated import ROOT
from tests.page.results import facts, metrics
from tests.settings import ALL, write_settings

GROUPS = ("unet", "varnet", "rim")
VERSIONS = {"Python": "3.12.1", "torch": "2.5.0", "direct-recon": "2.2.0", "dvc": "3.0"}


def made(n_training: int | None = 6, **phantom: object) -> Made:
    """Return what is stated beside the parameters."""
    params = PhantomParams.load(ROOT / "params.yaml").model_copy(update=phantom)
    return Made(params, n_training, VERSIONS)


def written(
    settings: Settings,
    tree: dict | None = None,
    beside: Made | None = None,
    own: Facts | None = None,
) -> str:
    """Return the paragraphs as one text, without hard spaces."""
    told = own or facts(metrics() | (tree or {}))
    paragraphs, _ = methods(told, settings, beside or made())
    return " ".join(paragraphs).replace("\N{NO-BREAK SPACE}", " ")


def changed(settings: Settings, section: str, **values: object) -> Settings:
    """Return the settings with other values in a section."""
    return replace(settings, **{section: getattr(settings, section).model_copy(update=values)})


def trained(settings: Settings, group: str, **values: object) -> Settings:
    """Return the settings with other values of one architecture."""
    other = settings.train[group].model_copy(update=values)
    return replace(settings, train=settings.train | {group: other})


def test_references_are_numbered_as_they_are_cited(settings: Settings) -> None:
    paragraphs, works = methods(facts(), settings, made())
    found = re.findall(r"\[([\d, ]+)\]", " ".join(paragraphs))
    numbers = [int(n) for group in found for n in group.split(", ")]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(works) + 1))


def test_a_work_keeps_its_number() -> None:
    works = Citations()
    assert [works.cite("rim"), works.cite("unet", "rim"), works.cite("rim")] == [
        "[1]",
        "[2, 1]",
        "[1]",
    ]


def test_every_work_can_be_found() -> None:
    assert all(re.match(r"https://(doi|arxiv)\.org/", work.link) for work in WORKS.values())


def test_the_default_study(settings: Settings) -> None:
    text = written(settings)
    assert "5 validation scans (5 subjects) and 6 training scans (12 receive channels, 2.0" in text
    assert "simulated in the format of the Calgary-Campinas challenge [1]: digital phantoms" in text
    assert "inversion time 900 ms, repetition time 2000 ms" in text
    assert "Partial Fourier: 85 % of the columns" in text
    assert "5.0-fold within the acquired k-space by Poisson-disk masks of constant" in text
    assert "(fully sampled centre: 2.7 %), one mask a scan" in text
    assert "RIM [4] (4 members; rim.rim.RIM, hidden_channels 16, length 5, depth 2" in text
    assert "slices in a batch: 1; steps: 260 (UNet), 160 (VarNet), 170 (RIM)" in text
    assert "learning rate: 0.004 (UNet), 0.01 (VarNet and RIM)" in text
    assert "refines the coil sensitivities: none." in text
    assert "losses: l1_loss + ssim_loss; precision: float32" in text
    assert "the first 20 and the last 10" in text
    assert "weights kept: those of the last step" in text
    assert "bundled segmentation network, trained on real label maps and digital phantoms" in text
    assert "SynthSeg 2.0" not in text
    assert "times more after shifts" not in text
    assert text.endswith("Software: Python 3.12.1, torch 2.5.0 and direct-recon 2.2.0.")


def test_the_papers_settings(paper: Settings) -> None:
    tree = {
        "paper": {"cohort": "calgary-campinas"},
        "masks": {"acceleration": {"full": {"mean": 5.82}}},
    }
    text = written(paper, tree, made(47))
    assert "47 training scans" in text
    assert "taken from the Calgary-Campinas challenge [1, 2]: three-dimensional T1-weighted" in text
    assert "inversion time" not in text
    assert "5.0-fold within the acquired k-space (5.8-fold of the full matrix)" in text
    assert "slices in a batch: 8 (UNet and VarNet), 2 (RIM); steps: 100,000;" in text
    assert "schedule: factor 0.2 every 50,000 steps after 1,000 steps of warm-up" in text
    assert "sensitivities: U-Net, num_filters 8, num_pool_layers 4." in text
    assert "largest norm of the gradient: none" in text
    assert "SynthSeg 2.0 in robust mode" in text
    words = "Every member's image was segmented 2 times more after shifts of up to 0.5 voxels"
    assert words in text


def test_the_atlas(settings: Settings) -> None:
    chosen = {"method": "atlas", "weights": "weights/atlas.npz"}
    text = written(changed(settings, "segment", **chosen), {"atlas": {"dice": {"mean": 0.88}}})
    assert "registration of a probabilistic atlas and a Gaussian mixture" in text
    assert "(mean Dice 0.88 on held-out phantoms)" in text
    assert "SynthSeg" not in text


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"weights": "weights/mine.npz"}, "a segmentation network of the study's own (mine.npz) ["),
        ({"weights": "embedded"}, "the bundled segmentation network, trained"),
        ({"weights": "synthseg_2.0.h5"}, "measured by SynthSeg 2.0 ["),
        (
            {"weights": "synthseg_2.0.h5", "fast": True},
            "SynthSeg 2.0 without mirrored image and topology correction [",
        ),
    ],
)
def test_other_weights_of_the_segmenter(settings: Settings, chosen: dict, words: str) -> None:
    assert words in written(changed(settings, "segment", **chosen))


def test_a_network_of_its_own_kind(settings: Settings) -> None:
    other = trained(settings, "rim", model="lpd.lpd.LPDNet", network={}, losses={"ssim_loss": 0.5})
    text = written(other)
    assert "RIM (4 members; lpd.lpd.LPDNet, DIRECT's defaults)" in text
    assert "losses: l1_loss + ssim_loss (UNet and VarNet), 0.5 ssim_loss (RIM)" in text


def test_weights_of_the_best_step(settings: Settings) -> None:
    other = trained(settings, "rim", keep="best_ssim", batches="scan")
    kept = {"rim": {"kept_step": {"min": 34.0, "median": 102.0, "max": 1170.0}}}
    text = written(other, {"training": kept})
    assert (
        "weights kept: those of the last step (UNet and VarNet), step of the highest SSIM" in text
    )
    assert "on the monitor scans (RIM) (RIM 34 to 1,170)" in text
    assert "a batch from: any scans of one matrix (UNet and VarNet), one scan (RIM)" in text


def test_one_architecture(settings: Settings) -> None:
    alone = replace(settings, train={"rim": settings.train["rim"]})
    text = written(alone, own=facts(groups=("rim",)))
    assert "An ensemble of RIM [2] (4 members;" in text
    assert "UNet" not in text
    assert "VarNet" not in text
    assert "steps: 170; learning rate: 0.01" in text


def test_a_member_from_a_zoo(settings: Settings) -> None:
    zoo = PretrainedParams(checkpoint="zoo.pt", configuration="zoo.yaml", md5="0" * 32)
    text = written(trained(settings, "rim", pretrained={3: zoo}))
    assert "Taken from checkpoints of DIRECT instead of being trained: members RIM 3." in text


def test_other_masks_scans_and_noise(settings: Settings) -> None:
    other = changed(settings, "mask", kind="file", files="masks", acceleration_of="full")
    other = changed(other, "data", partial_fourier=1.0, n_coils=8)
    other = changed(other, "noise", definition="kspace_db", snr=20.0)
    text = written(other, {"paper": {"cohort": "other"}}, made(None))
    assert "acquired with [scanner, field strength and sequence]" in text
    assert "and training scans (8 receive channels" in text
    assert "5.0-fold of the full matrix by sampling masks of our own, one mask a scan" in text
    assert "Partial Fourier" not in text
    assert "ratio 20 (root mean square of k-space over that of the noise, in decibels)" in text


def test_phantoms_of_label_maps(settings: Settings) -> None:
    assert "phantoms made of label maps" in written(settings, beside=made(label_maps="maps"))


def test_scans_of_magnitude_images_are_called_no_raw_data(settings: Settings) -> None:
    text = written(settings, beside=replace(made(), from_images=True))
    assert "simulated from T1-weighted magnitude images" in text
    assert "Magnitude images are no raw data" in text
    _, works = methods(facts(), settings, replace(made(), from_images=True))
    assert any(work.link == "https://arxiv.org/abs/2109.08237" for work in works)
    _, others = methods(facts(), settings, made())
    assert not any("2109.08237" in work.link for work in others)


def test_what_each_file_states_is_left_to_be_filled_in(settings: Settings) -> None:
    own = {"n_coils": None, "voxel_size_mm": (None, None, None), "partial_fourier": None}
    text = written(changed(settings, "data", **own))
    assert "[number of] receive channels, [voxel size]" in text
    assert "Partial Fourier" not in text


def test_what_the_scans_say_is_filled_in(settings: Settings) -> None:
    own = {"n_coils": None, "voxel_size_mm": (None, None, None), "partial_fourier": None}
    scans = pd.DataFrame(
        {
            "n_coils": [12, 16, 12],
            "voxel_size_mm": ["1 x 1 x 1", "1 x 1 x 1", "1.5 x 1 x 1"],
            "acquired_columns": [144, 144, 180],
            "n_kz": [180, 180, 180],
        }
    )
    left = changed(settings, "data", **own)
    text = written(left, beside=replace(made(), scans=scans))
    assert "12 to 16 receive channels" in text
    assert re.search(r"1(.00)? × 1(.00)? × 1(.00)? mm and 1.50? × 1", text)
    assert "Partial Fourier: 80 % to 100 % of the columns" in text
    text = written(left, beside=replace(made(), scans=scans[:1]))
    assert "(12 receive channels" in text and "80 % of the columns" in text
    assert "[number of]" not in text and "[voxel size]" not in text


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_file_has_methods(name: str, tmp_path: Path) -> None:
    paragraphs, works = methods(
        facts(), Settings.load(GROUPS, write_settings(name, tmp_path)), made()
    )
    assert len(paragraphs) == 7
    assert all(paragraph.endswith(".") and "None" not in paragraph for paragraph in paragraphs)
    assert len(works) >= 8
