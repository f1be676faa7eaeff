"""The file of a node: what it may say, and the sentence about each mistake, which names the key."""

import pytest
from node_parts import plain_config

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.node.config import Listening, config_of, read_config


def test_what_is_not_said_has_a_default_that_is_safe(tmp_path):
    config = config_of(plain_config(tmp_path))
    assert (config.node.host, config.node.callers, config.node.beyond_this_machine) == ("127.0.0.1", (), False)
    assert config.completeness.ask_pacs
    assert [outcome.value for outcome in config.results.outcomes] == ["SUSPICIOUS", "NOT_SUSPICIOUS", "INDETERMINATE"]


def test_it_refuses_to_listen_beyond_this_machine_unless_that_is_said_and_callers_are_named():
    for host in ("0.0.0.0", "::", "10.0.0.7", "pacs.example.org"):
        with pytest.raises(ValueError, match=r"node\.beyond_this_machine"):
            Listening(host=host, callers=("SCANNER",))
        with pytest.raises(ValueError, match=r"node\.callers must name"):
            Listening(host=host, beyond_this_machine=True)
        assert Listening(host=host, beyond_this_machine=True, callers=("SCANNER",)).host == host
    for host in ("127.0.0.1", "127.0.0.9", "::1", "localhost"):
        assert Listening(host=host).callers == ()


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("node", "port", 0),
        ("node", "port", "11112"),
        ("node", "ae_title", "SEVENTEEN LETTERS"),
        ("node", "ae_title", ""),
        ("node", "callers", ["A\\B"]),
        ("node", "timeout_s", -1),
        ("node", "tls", {"certificate": "a.pem"}),
        ("spool", "max_gib", 0),
        ("spool", "retention_days", -1),
        ("spool", "folder", ""),
        ("completeness", "patience_s", 1),
        ("completeness", "quiet_s", float("inf")),
        ("completeness", "quiet_s", True),
        ("rules", "min_images", 0),
        ("rules", "description_contains", "venous"),
        ("screening", "device", "gpu"),
        ("screening", "precision", "int8"),
        ("screening", "protocol", "quick"),
        ("screening", "segmentation", "nrrd"),
        ("screening", "attempts", 0),
        ("pacs", "port", 70000),
        ("pacs", "ae_title", " X"),
        ("results", "outcomes", ["NORMAL"]),
        ("results", "retry_s", 0),
        ("dicomweb", "url", "ftp://x"),
    ],
)
def test_a_mistake_is_a_sentence_that_names_the_key(tmp_path, table, key, value):
    with pytest.raises(ValueError, match=f"{table}") as error:
        config_of(plain_config(tmp_path, **{table: {key: value}}))
    assert key in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[spool\n", "line 1"),
        ("[nodes]\n", "unknown table.*'nodes'"),
        ("[spool]\nfolder = 'x'\n", "missing table.*pacs, screening"),
        (
            "[spool]\nfolder = 'x'\nmax_gb = 3\n[screening]\nmodel='m'\n[pacs]\nae_title='A'\nhost='h'\nport=1\n",
            "max_gb",
        ),
    ],
)
def test_a_file_that_is_none_is_told_with_its_name(tmp_path, text, words):
    (tmp_path / "node.toml").write_text(text)
    with pytest.raises(UsageError, match=f"(?s)node.toml.*{words}"):
        read_config(tmp_path / "node.toml")


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path / "node.toml")
    (tmp_path / "node.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"node\.toml"):
        read_config(tmp_path / "node.toml")
