"""Several processes for one training, one a GPU: the same command, started by torchrun or accelerate in each of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from codeopt.errors import UserError
from codeopt.training.settings import Settings

CONFIGS = Path(__file__).parent / "parallel"


def rank() -> int:
    """Number of this process among all of the training."""
    return int(os.environ.get("RANK", "0"))


def launched() -> bool:
    """Whether this is one of the processes that a launcher started."""
    return "LOCAL_RANK" in os.environ


def launch(settings: Settings, words: list[str]) -> NoReturn:
    """Become the launcher of the processes.

    Args:
        settings: How many, and how they share the work.
        words: The command line behind `codeopt`.

    Raises:
        UserError: There are fewer GPUs.
    """
    import torch

    gpus = torch.cuda.device_count()
    if gpus and gpus < settings.processes:
        raise UserError(f"{settings.processes} processes on {gpus} GPU{'s' * (gpus > 1)}", f"--processes {gpus}")
    if not gpus and settings.parallel != "ddp":
        raise UserError(f"--parallel {settings.parallel} needs GPUs", "--parallel ddp works on a CPU, too")
    if settings.parallel == "ddp":
        launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(settings.processes)]
    else:
        config = CONFIGS / f"{settings.parallel}.json"
        launcher = [
            "accelerate.commands.launch", "--config_file", str(config), "--num_processes", str(settings.processes), "--main_process_port", "0",
        ]  # fmt: skip
    sys.stderr.flush()
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    os.execve(sys.executable, [sys.executable, "-m", *launcher, "-m", "codeopt", *words], {**os.environ, "OMP_NUM_THREADS": threads})


def own_cores() -> None:
    """Keep to this process's share of the machine's cores, so that no two processes time on one."""
    cores = sorted(os.sched_getaffinity(0))
    local, count = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if count > 1 and len(cores) >= count:
        os.sched_setaffinity(0, cores[local::count])
