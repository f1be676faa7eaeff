"""The command `import-model` on folders of these tests, carried out or refused."""

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.network.model_description import read_description

LABELS = ("tumor=tumor", 'pancreas=pancreas,"pancreatic duct"')


def typed(folder, output, *more, labels=LABELS):
    return [
        *("import-model", str(folder), "--name", "theirs", "--labels", *labels, "--output", str(output)),
        *("--license-text", "CC BY-NC 4.0\nAttribution: somebody", "--source", "https://somewhere", *more),
    ]


def imported(folder, output, *more, labels=LABELS):
    assert main(typed(folder, output, *more, labels=labels)) == 0
    return read_description(output)


def refused(folder, output, capsys, *more, labels=LABELS):
    """The sentence; afterwards there is no model."""
    assert main(typed(folder, output, *more, labels=labels)) in (2, 5)
    assert not (output / "model.json").exists()
    told = capsys.readouterr().err
    assert "Traceback" not in told
    return told
