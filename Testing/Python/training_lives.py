"""Trainings in processes of their own, so that they can be killed, stopped and run as ranks.

As a script it runs one scenario of training_scenarios.py and prints what came of it as JSON. It imports torch once and
forks a process for every life of a training, which makes a restart cost a tenth of a second instead of several.
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
from pathlib import Path

HERE = Path(__file__).resolve().parent


def scenario(name, folder):
    """What a scenario found, as plain data; fails with the scenario's own output when it did not run through."""
    path = os.pathsep.join([str(HERE.parents[1]), *sys.path])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    code = "from training_lives import run_scenario; run_scenario()"
    command = [sys.executable, "-W", "error", "-c", code, name, str(folder)]
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def run_scenario():
    """The child of `scenario`."""
    import torch
    import training_scenarios

    torch.set_num_threads(1)
    found = getattr(training_scenarios, sys.argv[1])(Path(sys.argv[2]))
    sys.stdout.write(json.dumps(found) + "\n")


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


def in_ranks(count, action):
    """Run `action(rank)` in `count` processes that know of each other as under torchrun; their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    children = [
        fork(lambda rank=rank: action(rank), RANK=str(rank), LOCAL_RANK=str(rank), **shared) for rank in range(count)
    ]
    return [end(child) for child in children]


def tiny_run(folder, *, iterations, checkpoint_every, batch_size=4, **changes):
    """A training of the smallest network with the paper's optimizer: some milliseconds an iteration."""
    from small_store import SPACING_MM

    from PDACScreeningLib.config import NetworkSpec, PatchSampling, ScaleSpec, ScreeningConfig
    from PDACScreeningLib.network.runtime import Runtime
    from PDACScreeningLib.training.recipes import paper_recipe
    from PDACScreeningLib.training.training_run import TrainingRun

    scale = ScaleSpec(patch_size=16, stride=8, batch_size=batch_size, loss_weights=(1.0, 3.0))
    screening = ScreeningConfig(scales=(scale,), network=NetworkSpec(1), working_spacing_mm=SPACING_MM)
    config = replace(paper_recipe(SPACING_MM), screening=screening, sampling=PatchSampling(roi_margin_voxels=8))
    config = replace(config, iterations=iterations, **changes)
    return TrainingRun(folder, scale, config, Runtime("cpu", "fp32"), checkpoint_every)
