"""Files of figures are reproducible, and every group has a colour of its own."""

from stages.figures.kit.style import COLOURS, colour, new_figure, save


def test_the_same_drawing_is_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        figure = new_figure(2, 2)
        figure.subplots().plot([1, 2])
        save(figure, tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in content
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.png"}


def test_groups_differ_in_colour_also_when_they_are_new():
    groups = ["unet", "cascade", "varnet", "transformer", "noise"]
    assert len({colour(name, groups) for name in groups}) == len(groups)
    assert colour("rim") == COLOURS["rim"]
