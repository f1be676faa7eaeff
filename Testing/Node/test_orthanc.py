"""The node beside a real Orthanc: a day of bad luck, the tutorial with the real networks, forwarding, DICOMweb."""

import datetime
import json
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from chaos import OUTAGES, SENDERS, Chaos
from chaos_faults import faults, leaks, told
from chaos_studies import MARKER, STUDIES
from dicom_slices import SHAPE
from node_parts import file_of, images
from node_process import NodeProcess, free_port
from orthanc import Orthanc, program

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "docs" / "node"
ALL = SHAPE[0]


@pytest.fixture
def orthanc(tmp_path):
    port = free_port()
    pacs = Orthanc(tmp_path, port)
    pacs.node_port = port
    pacs.start()
    yield pacs
    pacs.stop()


@pytest.mark.slow
def test_after_a_day_of_bad_luck_every_series_has_ended_rightly_and_nothing_is_lost_or_twice(tmp_path):
    chaos = Chaos(tmp_path, kills=30)
    try:
        chaos.run()
        figures = told(chaos)
        assert faults(chaos) == []
        assert figures["kills"] == 30
        assert figures["outages of the PACS"] == OUTAGES
        assert figures["images acknowledged"] == STUDIES * ALL - 2 * (ALL // 2)
        assert figures["answers"]["0xa700"] > 0
        assert figures["answers"]["none"] >= SENDERS  # kills in the middle of an association
        assert figures["strangers rejected"] >= 2
        assert figures["stops with code 0"] == 2
        assert figures["objects dropped"] > STUDIES
    finally:
        chaos.orthanc.stop()
    assert (tmp_path / "node" / "node.log").stat().st_size > 1000


def counts(pacs):
    return Counter(one["Modality"] for one in pacs.instances())


def test_series_are_fetched_from_a_dicomweb_server_and_results_go_back(tmp_path, orthanc):
    today = f"{datetime.datetime.now().astimezone():%Y%m%d}"
    for number, date in enumerate((today, today, "20200101")):
        for one in images(number=number, StudyDate=date, PatientName=f"{MARKER}^x"):
            orthanc.put_in(file_of(one))
    web = {"url": orthanc.web, "poll_s": 1.0}
    node = NodeProcess(tmp_path, orthanc, node={"port": orthanc.node_port}, dicomweb=web)
    node.start("--from-dicomweb")
    node.wait_for(sent=2)
    assert counts(orthanc) == {"CT": 3 * ALL, "SEG": 2, "SR": 2}
    assert list(leaks(node)) == []
    assert node.stop() == 0


def test_a_dicomweb_server_that_is_away_is_told_and_asked_again(tmp_path, orthanc):
    orthanc.stop()
    web = {"url": orthanc.web, "poll_s": 0.5}
    node = NodeProcess(tmp_path, orthanc, node={"port": orthanc.node_port}, dicomweb=web)
    node.start("--from-dicomweb")
    began = time.monotonic()
    node.wait_until(lambda: "could not be asked" in node.log())
    assert time.monotonic() - began < 15  # nobody else tries for long before it is told
    orthanc.start()
    for one in images(StudyDate=f"{datetime.datetime.now().astimezone():%Y%m%d}"):
        orthanc.put_in(file_of(one))
    node.wait_for(sent=1)
    node.kill()


def test_storage_commitment_of_orthanc(tmp_path, orthanc):
    node = NodeProcess(tmp_path, orthanc, node={"port": orthanc.node_port}, pacs={"commitment": True})
    for one in images():
        orthanc.put_in(file_of(one))
    node.start()
    [series] = orthanc.get("series")
    orthanc.post("modalities/pdac/store", series)
    node.wait_for(sent=1)
    assert counts(orthanc) == {"CT": ALL, "SEG": 1, "SR": 1}
    node.kill()


def test_mercure_forwards_with_dcmsend_as_its_template_says(tmp_path, orthanc):
    """mercure 3b27722 starts dcmsend with these options (app/dispatch/target_types/builtin.py)."""
    target = json.loads((TEMPLATES / "mercure.json").read_text())["targets"]["pdac"]
    node = NodeProcess(
        tmp_path, orthanc, node={"port": orthanc.node_port, "callers": [target["aet_source"], "ORTHANC"]}
    )
    node.start()
    (tmp_path / "series").mkdir()
    for place, one in enumerate(images()):
        orthanc.put_in(file_of(one))
        (tmp_path / "series" / f"{place}.dcm").write_bytes(file_of(one))
    titles = ("-aet", target["aet_source"], "-aec", target["aet_target"])
    rest = ("-nuc", "+sp", "*.dcm", "-to", "60", "+crf", tmp_path / "sent.txt")
    command = [program("dcmsend"), target["ip"], node.port, "+r", "+sd", tmp_path / "series", *titles, *rest]
    subprocess.run([str(word) for word in command], check=True)
    assert f"with status SUCCESS  : {ALL}" in (tmp_path / "sent.txt").read_text()
    node.wait_for(sent=1)
    node.kill()


@pytest.mark.slow
def test_the_tutorial_works_with_the_real_networks_of_the_demo_model(tmp_path):
    """docs/node.md, line by line, with other ports: Orthanc, dcmsend, a phantom as DICOM, results back in Orthanc."""
    page = (ROOT / "docs" / "node.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (.+)$", page.split("## Five minutes on one machine")[1].split("\n## ")[0], re.MULTILINE)
    ports = {"11112": free_port(), "4242": free_port(), "8042": free_port()}

    def with_ports(text):
        for usual, own in ports.items():
            text = re.sub(rf"\b{usual}\b", str(own), text)
        return text

    for template in TEMPLATES.iterdir():
        (tmp_path / template.name).write_text(with_ports(template.read_text()))
    words = {"pdac-screening": f"{sys.executable} -m PDACScreeningLib", "Orthanc": program("Orthanc")}
    background = []
    try:
        for command in commands:
            if command.startswith(("sudo ", "pip ", "cp ")):
                continue
            first, _, rest = with_ports(command).partition(" ")
            line = f"{words.get(first, first)} {rest}"
            if line.endswith(" &"):
                with (tmp_path / "tutorial.log").open("a") as log:
                    command = ["sh", "-c", f"exec {line[:-2]}"]
                    background.append(subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log))
                _wait(tmp_path, ports, first)
            elif "--status" in line:
                _wait_for_sent(line, tmp_path)
            else:
                done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                said = done.stdout
        assert '"SEG"' in said
        assert '"SR"' in said
        assert said.count('"OT"') == 1  # the series of the key images
        assert [process.poll() for process in background] == [None, None]
    finally:
        for process in background[::-1]:
            process.terminate()
        assert [process.wait(40) for process in background] == [0] * len(background)


def _wait(folder, ports, program_name):
    port = ports["8042"] if program_name == "Orthanc" else ports["11112"]
    for _ in range(300):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError((folder / "tutorial.log").read_text())


def _wait_for_sent(line, folder):
    said = ""
    for _ in range(150):
        said = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=False).stdout
        if "sent 1" in said:
            assert "SUSPICIOUS" in said
            return
        time.sleep(1)
    raise AssertionError(said + (folder / "tutorial.log").read_text())
