"""How fast the node takes images, and whether its memory grows: the figures of docs/node.md.

python Testing/Node/measure.py reception FOLDER      600 large slices
python Testing/Node/measure.py memory FOLDER         500 studies that are screened (by a stub) and sent
"""

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "Python"), str(Path(__file__).resolve().parents[2])]

import numpy as np  # noqa: E402
from dicom_slices import slice_dataset  # noqa: E402
from node_parts import file_of, images  # noqa: E402
from node_process import PATIENCE_S, NodeProcess, Peer, send  # noqa: E402
from orthanc import program  # noqa: E402
from pydicom.uid import generate_uid  # noqa: E402

SLICES, STUDIES, PART = 600, 500, 50
NEVER_WHOLE = {"quiet_s": 3000, "patience_s": 3000}


def write_large_series(folder):
    """600 slices of 512 x 512, as a scanner sends them: 315 MB."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(-50, 150, (512, 512), dtype=np.int16)
    study, series = generate_uid(), generate_uid()
    for number in range(SLICES):
        given = {"StudyInstanceUID": study, "series": series}
        one = slice_dataset(np.roll(noise, number), position_mm=(0, 0, number), number=number, **given)
        (folder / f"{number:04}.dcm").write_bytes(file_of(one))
    return folder


def reception(folder, peer):
    """Slices a second from the first to the last byte, with dcmsend, and the node's processor seconds a slice."""
    series = write_large_series(folder / "series")
    node = NodeProcess(folder, peer, completeness=NEVER_WHOLE, node={"callers": ["DCMSEND"]})
    node.start()
    before, began = _processor_s(node), time.monotonic()
    command = [program("dcmsend"), "127.0.0.1", str(node.port), "-aec", "PDAC", "+sd", str(series)]
    subprocess.run(command, check=True)
    seconds = time.monotonic() - began
    used = _processor_s(node) - before
    kept = len(list((node.spool / "images").rglob("*.dcm")))
    node.kill()
    assert kept == SLICES
    return {"slices a second": SLICES / seconds, "processor ms a slice": used / SLICES * 1000}


def memory(folder, peer, studies=STUDIES, *, screened=True, count=None, patience_s=PATIENCE_S):
    """MiB of the node's process after every 50 studies. screened: each is screened (by a stub) and sent, or refused.

    count: images of a study; None: a whole series.
    """
    folder.mkdir(parents=True)
    peer.held = len(images(count))
    rules = {"min_images": 5 if screened else 99}
    node = NodeProcess(folder, peer, rules=rules, completeness={"quiet_s": 0.5, "patience_s": 60})
    node.patience_s = patience_s
    node.start()
    sizes = []
    for first in range(0, studies, PART):
        for number in range(first, first + PART):
            assert set(send(node, images(count, number=number))) == {0}
        ended = {"sent" if screened else "refused": first + PART}
        node.wait_for(**ended)
        sizes.append(round(_resident_mib(node), 1))
        peer.stored.clear()
    node.kill()
    return sizes


def _processor_s(node):
    fields = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _resident_mib(node):
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main(what, folder):
    """Measure and print."""
    with Peer() as peer:
        if what == "reception":
            figures = reception(Path(folder), peer)
        else:
            figures = {f"MiB after each {PART} studies": memory(Path(folder), peer, patience_s=3600.0)}
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
