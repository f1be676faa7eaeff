"""Trainings in processes of their own, so that they can be killed, stopped and run as ranks.

`play` runs scenarios (*_scenarios.py) in a process that imports torch once and forks itself for every life of a
training: a restart costs a tenth of a second instead of several.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import replace
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent


def play(folder, module, *names):
    """Run scenarios of a module one after the other in one process: by name what each found, or its traceback."""
    path = os.pathsep.join([str(HERE.parents[1]), *sys.path])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    code = "from training_lives import play_here; play_here()"
    command = [sys.executable, "-W", "error", "-c", code, str(folder), module, *names]
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: result if isinstance(result, dict) else f"{result}\n{done.stderr}" for name, result in found.items()}


def play_here():
    """The child of `play`."""
    import torch

    torch.set_num_threads(1)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    optimizer.step()  # loads what torch loads on first use, so that the forked processes need not
    optimizer.zero_grad()
    found, scenarios = {}, import_module(sys.argv[2])
    for name in sys.argv[3:]:
        folder = Path(sys.argv[1]) / name
        folder.mkdir()
        try:
            found[name] = getattr(scenarios, name)(folder)
        except Exception:
            found[name] = traceback.format_exc()
    sys.stdout.write("\n" + json.dumps(found) + "\n")


def fork(action, **environment):
    """Start `action` in a copy of this process; its exit code is what it returns, 1 if it raises."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.environ.update(environment)
        code = action() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def end(child):
    """Wait for a process: its exit code, or the negative number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def ended_within(child, seconds):
    """The exit code of a process that ends in time, else None."""
    stop = time.monotonic() + seconds
    while True:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= stop:
            return None
        time.sleep(0.002)


def kill(child):
    """End a process as a power cut does."""
    os.kill(child, signal.SIGKILL)
    return end(child)


def in_ranks(count, action, *, wait=True):
    """Run `action(rank)` in `count` processes that know of each other as under torchrun; their exit codes.

    wait: False gives the children while they run.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    children = [
        fork(lambda rank=rank: action(rank), RANK=str(rank), LOCAL_RANK=str(rank), **shared) for rank in range(count)
    ]
    return [end(child) for child in children] if wait else children


def tiny_run(folder, *, iterations, checkpoint_every, batch_size=4, **changes):
    """A training of the smallest network with the paper's optimizer: some milliseconds an iteration."""
    from small_store import SPACING_MM

    from PDACScreeningLib.config import NetworkSpec, PatchSampling, ScaleSpec, ScreeningConfig
    from PDACScreeningLib.network.runtime import Runtime
    from PDACScreeningLib.training.recipes import paper_recipe
    from PDACScreeningLib.training.run_record import TrainingRun

    scale = ScaleSpec(patch_size=16, stride=8, batch_size=batch_size, loss_weights=(1.0, 3.0))
    screening = ScreeningConfig(scales=(scale,), network=NetworkSpec(1), working_spacing_mm=SPACING_MM)
    config = replace(paper_recipe(SPACING_MM), screening=screening, sampling=PatchSampling(roi_margin_voxels=8))
    config = replace(config, iterations=iterations, **changes)
    return TrainingRun(folder, scale, config, Runtime("cpu", "fp32"), checkpoint_every)
