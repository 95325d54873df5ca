"""Section `train`: one sub-section an architecture."""

from typing import Any, Literal

from pydantic import Field

from stages.params.base import Section


class TrainParams(Section):
    """Network and optimisation of one architecture (`train.<architecture>`)."""

    model: str  # name of DIRECT's network
    network: dict[str, Any]  # keyword arguments of DIRECT's configuration class
    refine_sensitivity: bool  # DIRECT's sensitivity network
    batch_size: int = Field(ge=1)
    steps: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    schedule: Literal["cosine", "multistep"]
