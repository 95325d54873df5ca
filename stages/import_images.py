"""Take the images of one group from elsewhere into the study.

`python -m stages.import_images mine`: `work/images/mine/<member>` and `work/members/mine.csv`.
Image by image; nothing is kept of a group whose last image cannot be used.
"""

from stages.external.image_listing import items
from stages.external.taking import take
from stages.machine.arguments import group_argument
from stages.machine.entry import entry_point
from stages.params.ensembles import EnsembleParams
from stages.params.external import ExternalSection


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Import the group named on the command line."""
    external = ExternalSection.load()
    name = group_argument(arguments, "import_images", external.groups)
    params = external.group(name)
    take(name, params, items(name, params), EnsembleParams.load())


if __name__ == "__main__":
    main()
