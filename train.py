"""Train one network of the method: the command `pdac-screening train`, wherever Python runs.

    Slicer --no-splash --no-main-window --python-script train.py -- STORE --patch-size 64 --output run
    PythonSlicer train.py STORE --patch-size 64 --output run
    python train.py STORE --patch-size 64 --output run
    torchrun --nproc-per-node 4 train.py STORE --patch-size 64 --output run
    sbatch docs/slurm/train.sbatch STORE run

Exit codes: 0 finished, 2 usage, 5 failed, 75 stopped and saved (run it again to go on), 130 cancelled. torchrun turns
every code but 0 into 1.

Slicer neither closes when a script ends nor when it raises, so every path through this file ends in sys.exit.
"""

import sys
import traceback
from pathlib import Path

UNEXPECTED = 5


def main(argv):
    """Run `pdac-screening train` and return its exit code. argv: without the program's name."""
    root = str(Path(__file__).resolve().parent)
    if root not in sys.path:
        sys.path.insert(0, root)
    from PDACScreeningLib.__main__ import main as command_line

    return command_line(["train", *without_separator(argv)])


def without_separator(argv):
    """The arguments after a leading "--", which keeps Slicer from reading ours and which it may pass on."""
    return argv[1:] if argv[:1] == ["--"] else argv


def exit_code(argv):
    """The exit code of a training, also of one that could not even start."""
    try:
        return main(argv)
    except SystemExit as end:  # argparse: --help is 0, a usage error is 2
        return end.code if isinstance(end.code, int) else UNEXPECTED
    except BaseException:
        traceback.print_exc()
        return UNEXPECTED


if __name__ == "__main__":
    sys.exit(exit_code(sys.argv[1:]))
