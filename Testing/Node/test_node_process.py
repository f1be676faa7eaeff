"""The node on a real network of this machine, with pynetdicom as its peers and a stub in place of the networks."""

import json
import socket
import subprocess
import time

import pytest
from dicom_slices import SHAPE
from node_parts import images
from node_process import NodeProcess, Peer, send, tls_context

ALL = SHAPE[0]
ASSOCIATION_REQUEST = b"\1\0\0\0\0\x44" + b"\0\1\0\0" + b"PDAC".ljust(16) + b"SCANNER".ljust(16) + bytes(32)
ASSOCIATION_ANSWERS = (b"\2", b"\3", b"\7")  # accepted, rejected, aborted: somebody read it
SUCCESS = 0x0000


@pytest.fixture
def peer():
    with Peer() as peer:
        yield peer


@pytest.fixture
def node(tmp_path, peer):
    process = NodeProcess(tmp_path, peer)
    process.start()
    yield process
    process.kill()


def test_from_a_scanner_to_the_pacs(node, peer):
    peer.held = ALL
    assert send(node, images()) == [SUCCESS] * ALL
    node.wait_for(sent=1)
    assert len(peer.stored) == 2
    assert node.stop() == 0


def test_every_image_that_was_acknowledged_is_there_after_a_kill(node):
    datasets = images()
    assert send(node, datasets[:7]) == [SUCCESS] * 7
    node.kill()
    assert len(list((node.spool / "images").rglob("*.dcm"))) == 7
    node.start()
    assert node.status()["series"][0]["images"] == 7


def test_a_node_that_is_killed_while_it_screens_screens_again(tmp_path, peer):
    peer.held = ALL
    node = NodeProcess(tmp_path, peer, stub_s=3.0)
    node.start()
    send(node, images())
    node.wait_for(running=1)
    node.kill()
    node.start()
    node.wait_for(sent=1)
    assert len(peer.stored) == 2
    node.kill()


def test_a_node_that_is_told_to_stop_ends_cleanly_in_the_middle_of_a_screening(tmp_path, peer):
    peer.held = ALL
    node = NodeProcess(tmp_path, peer, stub_s=60.0)
    node.start()
    send(node, images())
    node.wait_for(running=1)
    began = time.monotonic()
    assert node.stop() == 0
    assert time.monotonic() - began < 30
    status = node.status()
    assert (status["states"]["ready"], status["running"]) == (1, False)
    assert node.log().rstrip().endswith("stopped")


def test_a_taken_port_and_an_unknown_model_are_sentences_with_exit_code_2(tmp_path, peer):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        node = NodeProcess(tmp_path, peer, node={"port": taken.getsockname()[1]})
        assert node.run_to_its_end() == 2
    assert "node.port" in node.log()
    node = NodeProcess(tmp_path, peer, screening={"model": "nobody"})
    assert node.run_to_its_end() == 2
    assert "nobody" in node.log()


def test_status_without_a_node_tells_so(tmp_path, peer):
    node = NodeProcess(tmp_path, peer)
    done = node.command("--status")
    assert (done.returncode, "no node has run" in done.stderr) == (2, True)
    node.start()
    send(node, images(3))
    table = node.command("--status")
    assert table.returncode == 0
    assert "The node is running." in table.stdout
    assert "receiving 1" in table.stdout
    assert json.loads(node.command("--status", "--json").stdout)["states"]["receiving"] == 1
    node.kill()
    assert node.command("--status").returncode == 5


def test_a_silent_peer_is_cut_off(tmp_path, peer):
    node = NodeProcess(tmp_path, peer, node={"timeout_s": 1.0, "max_associations": 2})
    node.start()
    silent = [socket.create_connection(("127.0.0.1", node.port)) for _ in range(2)]
    time.sleep(3)
    assert send(node, images(1)) == [SUCCESS]
    for one in silent:
        one.close()
    node.kill()


def made_certificates(folder):
    """Authority, and certificates of the node, of a client and of a stranger with an authority of his own."""

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], cwd=folder, check=True, capture_output=True)

    for authority in ("ca", "otherca"):
        request = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", f"/CN={authority}")
        openssl("req", *request, "-keyout", f"{authority}.key", "-out", f"{authority}.pem")
    for name, authority in (("node", "ca"), ("client", "ca"), ("stranger", "otherca")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", "r")
        signed = ("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", 2)
        openssl("x509", "-req", "-in", "r", *signed, "-out", f"{name}.pem")


def test_tls_takes_clients_with_a_certificate_of_the_authority_and_nobody_else(tmp_path, peer):
    made_certificates(tmp_path)
    files = {"certificate": "node.pem", "key": "node.key", "authorities": "ca.pem"}
    tls = {name: str(tmp_path / file) for name, file in files.items()}
    node = NodeProcess(tmp_path, peer, node={"tls": tls})
    node.start()
    assert send(node, images(1), tls=(tmp_path, "client")) == [SUCCESS]
    assert is_spoken_with(node, tls_context((tmp_path, "client"), server=False))
    assert not is_spoken_with(node, tls_context((tmp_path, "stranger"), server=False))
    assert not is_spoken_with(node, tls_context((tmp_path, None), server=False))
    assert not is_spoken_with(node, None)
    node.kill()


def is_spoken_with(node, context):
    """Whether the node answers an association request; context: None without TLS."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain) if context else plain as stream:
                stream.sendall(ASSOCIATION_REQUEST)
                return stream.recv(1) in ASSOCIATION_ANSWERS
        except OSError:  # also of TLS
            return False


def test_results_go_back_over_tls(tmp_path):
    made_certificates(tmp_path)
    files = {"certificate": "client.pem", "key": "client.key", "authorities": "ca.pem"}
    tls = {name: str(tmp_path / file) for name, file in files.items()}
    with Peer(tls=(tmp_path, "node")) as peer:
        peer.held = ALL
        node = NodeProcess(tmp_path, peer, pacs={"tls": tls})
        node.start()
        send(node, images())
        node.wait_for(sent=1)
        node.kill()


@pytest.mark.parametrize("kept", [True, False])
def test_storage_commitment_is_waited_for(tmp_path, kept):
    with Peer(commits=kept) as peer:
        peer.held = ALL
        node = NodeProcess(tmp_path, peer, pacs={"commitment": True, "timeout_s": 3.0})
        node.start()
        send(node, images())
        if kept:
            node.wait_for(sent=1)
        else:
            node.wait_for(screened=1)
            node.wait_until(lambda: "did not commit" in node.status()["series"][0]["why"])
        node.kill()


def test_a_port_of_another_machine_is_refused_before_anything_is_opened(tmp_path, peer):
    node = NodeProcess(tmp_path, peer, node={"host": "0.0.0.0", "callers": []})
    assert node.run_to_its_end() == 2
    assert "node.beyond_this_machine" in node.log()
    assert not node.spool.exists()
