"""Containers that show a GPU: what an engine says of it, what is asked for, and what becomes of a run where it does not work."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codeopt.errors import SandboxUnavailable, UserError
from codeopt.sandbox.docker import DockerSandbox
from codeopt.sandbox.docker_engine import Engine, _judge, find_engine
from codeopt.sandbox.interpreter import find_interpreter
from codeopt.sandbox.kernels import choose, device
from codeopt.sandbox.process import ProcessSandbox
from codeopt.sandbox.protocol import Launch, Sandbox

# Parts of what GET /info answers with (Docker Engine API 1.43 and 1.50).
PLAIN = {"OSType": "linux", "OperatingSystem": "Debian", "Runtimes": {"runc": {"path": "runc"}}, "CDISpecDirs": []}
TOOLKIT = {**PLAIN, "Runtimes": {"runc": {"path": "runc"}, "nvidia": {"path": "nvidia-container-runtime"}}}
LISTED = {**TOOLKIT, "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}, {"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}
OTHERS = {**PLAIN, "DiscoveredDevices": [{"Source": "cdi", "ID": "vendor.com/nic=0"}]}
no_gpu = pytest.mark.skipif(device.has_gpu(), reason="there is a GPU here")


@pytest.fixture
def engine() -> Engine:
    try:
        return find_engine()
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def test_what_an_engine_says_of_gpus(tmp_path: Path) -> None:
    (tmp_path / "nvidia.yaml").write_text("kind: nvidia.com/gpu\n")
    described = {**PLAIN, "CDISpecDirs": [str(tmp_path / "none"), str(tmp_path)]}
    given = [(PLAIN, ""), (TOOLKIT, "runtime"), (LISTED, "cdi"), (OTHERS, ""), (described, "cdi"), ({"OSType": "linux", "Runtimes": None}, "")]
    assert [_judge("unix:///x", info).gpus for info, _ in given] == [gpus for _, gpus in given]


def test_what_a_container_is_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("docker", reason="docker's client is not installed")

    def asked(info: dict[str, Any], gpus: bool) -> Any:
        sandbox = DockerSandbox(engine=_judge("unix:///x", info), gpus=gpus)
        assert ("shows the GPUs" in sandbox.note) == gpus
        return sandbox._options(Launch(("true",)), tmp_path)["device_requests"]

    assert asked(LISTED, False) == []
    (cdi,) = asked(LISTED, True)
    assert (cdi["Driver"], cdi["DeviceIDs"]) == ("cdi", ["nvidia.com/gpu=all"])
    (runtime,) = asked(TOOLKIT, True)
    assert (runtime["Count"], runtime["Capabilities"]) == (-1, [["gpu", "compute", "utility"]])


@no_gpu
def test_an_engine_that_cannot_show_one_says_why(engine: Engine) -> None:
    found = find_interpreter(None)
    assert choose.tried(replace(engine, gpus="runtime"), "host", found).startswith("the Docker engine refused the container: could not select device driver")
    with pytest.raises(UserError, match=r"--sandbox docker shows no GPU: .*install nvidia-container-toolkit"):
        choose.gpu_sandbox("docker", found)


@no_gpu
@pytest.mark.parametrize("kind", ["docker", "process"])
def test_the_probe_runs_where_kernels_would_and_fails_without_a_gpu(kind: str, engine: Engine) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    sandbox: Sandbox = DockerSandbox(engine=engine) if kind == "docker" else ProcessSandbox()
    try:
        told = choose.computes(sandbox, find_interpreter(None))
    finally:
        sandbox.close()
    assert "CUDA" in told or "NVIDIA" in told, told


def test_kinds_that_show_none_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    found = find_interpreter(None)
    with pytest.raises(UserError, match="bubblewrap shows no GPU"):
        choose.gpu_sandbox("bubblewrap", found)
    if os.getuid() == 0:
        with pytest.raises(UserError, match=r"would run as root \(.*run codeopt as another user"):
            choose.gpu_sandbox("auto", found)
    else:
        sandbox = choose.gpu_sandbox("auto", found)
        assert sandbox.name == "process" and "(not Docker: " in sandbox.note
