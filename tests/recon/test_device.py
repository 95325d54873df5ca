"""The compiler, as far as a machine without a GPU shows it."""

import sys
from types import SimpleNamespace

import pytest
import torch

from stages.recon.device import compile_networks
from tests.recon.conftest import CPU


class Network(torch.nn.Linear):
    """A network that notes how it is compiled."""

    def compile(self, **options: object) -> None:
        """Stand in for the compiler."""
        self.options = options


def test_networks_are_compiled_in_place_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = SimpleNamespace(config=SimpleNamespace(suppress_errors=False))
    monkeypatch.setitem(sys.modules, "torch._dynamo", compiler)
    monkeypatch.setattr(torch, "_dynamo", compiler, raising=False)
    network = Network(2, 2)
    compile_networks([network], torch.device("cuda"))
    assert network.options == {"dynamic": False}
    assert compiler.config.suppress_errors
    assert set(network.state_dict()) == {"weight", "bias"}


def test_a_cpu_ignores_the_compiler(capsys: pytest.CaptureFixture) -> None:
    network = Network(2, 2)
    compile_networks([network], CPU)
    assert not hasattr(network, "options")
    assert capsys.readouterr().err == "compute.compile: ignored on a CPU\n"
