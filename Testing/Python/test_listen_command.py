"""`pdac-screening listen` as far as no network is needed: its status, its sentences, its exit codes."""

import json

import pytest
from node_parts import Rooms, images, plain_config
from node_process import toml_of

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.commands import listen


@pytest.fixture
def rooms(tmp_path):
    made = Rooms(tmp_path)
    made.receive(images(7))
    yield made
    made.spool.close()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "node.toml"
    path.write_text(toml_of(plain_config(tmp_path)))
    return str(path)


def test_the_status_is_a_table_and_plain_data_and_tells_whether_the_node_runs(rooms, config, capsys):
    assert main(["listen", config, "--status"]) == 0
    table = capsys.readouterr().out
    assert "The node is running." in table
    assert "receiving 1  ready 0  running 0  screened 0  sent 0  refused 0  failed 0" in table
    assert main(["listen", config, "--status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["running"], status["series"][0]["images"]) == (True, 7)
    assert status["series"][0]["series"] == rooms.row.key[:8]
    rooms.spool.close()
    assert main(["listen", config, "--status"]) == 5
    assert "The node is not running." in capsys.readouterr().out


def test_a_node_that_never_ran_has_no_status(config, capsys):
    assert main(["listen", config, "--status"]) == 2
    assert "no node has run" in capsys.readouterr().err


def test_a_database_that_is_none_is_a_sentence(tmp_path, config, capsys):
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "node.sqlite").write_bytes(b"no database" * 100)
    assert main(["listen", config, "--status"]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"node": {"port": 0}}, "node.port"),
        ({"node": {"host": "0.0.0.0"}}, "node.beyond_this_machine"),
        ({"screening": {"model": "nobody"}}, "nobody"),
        ({"node": {"tls": {"certificate": "no.pem", "key": "no.pem", "authorities": "no.pem"}}}, "node.tls"),
        ({"pacs": {"tls": {"certificate": "no.pem", "key": "no.pem", "authorities": "no.pem"}}}, "pacs.tls"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_a_sentence_with_exit_code_2(tmp_path, capsys, tables, words):
    path = tmp_path / "node.toml"
    path.write_text(toml_of(plain_config(tmp_path, **tables)))
    assert main(["listen", str(path)]) == 2
    assert words in capsys.readouterr().err


def test_the_second_door_needs_its_table(config, capsys):
    assert main(["listen", config, "--from-dicomweb"]) == 2
    assert "[dicomweb]" in capsys.readouterr().err


def test_a_missing_package_is_told_with_what_installs_it(config, capsys, monkeypatch):
    monkeypatch.setattr(listen, "_PACKAGES", {"package_that_is_not_there": "node"})
    assert main(["listen", config]) == 2
    assert "pip install 'pdac-screening[node]'" in capsys.readouterr().err
