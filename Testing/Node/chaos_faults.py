"""What does not hold after the chaos, in words, and its figures."""

import sys
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "Python"), str(Path(__file__).resolve().parents[2])]

import pydicom  # noqa: E402
from chaos_studies import ALL, BIRTH, HALF, LATE, MARKER, STUDIES, study  # noqa: E402
from pydicom.uid import generate_uid  # noqa: E402

from PDACScreeningLib.node.received_image import file_image, key_of  # noqa: E402


def faults(chaos):
    """Everything that does not hold at the end, in words; empty when all does."""
    return [*_wrong_states(chaos), *_lost_images(chaos), *_wrong_objects(chaos), *leaks(chaos.node)]


def _wrong_states(chaos):
    keys = {key_of(study(number)[0].SeriesInstanceUID)[:8]: number for number in range(STUDIES)}
    rows = {keys.get(row["series"]): row for row in chaos.states["series"]}
    if len(chaos.states["series"]) != STUDIES or rows.keys() != set(range(STUDIES)):
        yield f"{len(rows)} series are known of {STUDIES}"
    for number, row in rows.items():
        if row["state"] != ("refused" if number in HALF else "sent"):
            yield f"series {number} is {row['state']}: {row['why']}"
        if row["images"] != (ALL // 2 if number in HALF else ALL):
            yield f"series {number} has {row['images']} images"


def _lost_images(chaos):
    found = {}
    for path in (chaos.node.spool / "images").rglob("*.dcm"):
        image = file_image(path.read_bytes())
        found[image.name] = image.sha256
    missing = [name for name, sha256 in chaos.figures.acknowledged if found.get(name) != sha256]
    if missing:
        yield f"{len(missing)} acknowledged images are not on the disk as they were sent"


def _wrong_objects(chaos):
    objects = chaos.orthanc.instances()
    by_study = {study(number)[0].StudyInstanceUID: number for number in range(STUDIES)}
    counts = Counter()
    for one in objects:
        number = by_study.get(one["StudyInstanceUID"])
        counts[number, one["Modality"]] += 1
        if one["PatientID"] != f"{MARKER}{number}":
            yield f"an object of study {number} names another patient"
    for number in range(STUDIES):
        results = 0 if number in HALF else 2 if number in LATE else 1
        for modality, expected in (("CT", ALL), ("SEG", results), ("SR", results)):
            if counts[number, modality] != expected:
                yield f"study {number}: {counts[number, modality]} {modality}, not {expected}"
    if sum(counts.values()) != sum(count for (number, _), count in counts.items() if number is not None):
        yield "there are objects of no study"
    for number in LATE:
        reports = [one for one in objects if one["Modality"] == "SR" and by_study[one["StudyInstanceUID"]] == number]
        named = [_predecessors(chaos.orthanc.file(one["ID"])) for one in reports]
        if sorted(map(len, named)) != [0, 1] or not set.union(*named) <= {one["SOPInstanceUID"] for one in reports}:
            yield f"study {number}: the later report does not name the earlier one"


def _predecessors(content):
    report = pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))
    return {
        str(item.ReferencedSOPInstanceUID)
        for study_item in report.get("PredecessorDocumentsSequence", ())
        for series in study_item.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }


def leaks(node):
    """Markers of patients, and identifiers, outside of the spool's files."""
    spool = node.spool
    outside = [path for path in spool.iterdir() if path.is_file()]
    texts = {path.name: path.read_bytes() for path in outside} | {"log": node.log().encode()}
    texts["names"] = "\n".join(str(path.relative_to(spool)) for path in spool.rglob("*")).encode()
    uid = str(generate_uid(entropy_srcs=["series 0"]))[:20].encode()
    for name, text in texts.items():
        for marker in (MARKER.encode(), MARKER.lower().encode(), BIRTH.encode(), uid):
            if marker in text:
                yield f"{name} holds {marker.decode()}"


def told(chaos):
    """The figures as plain data."""
    figures = chaos.figures
    return {
        "studies": STUDIES,
        "kills": figures.kills,
        "stops with code 0": figures.stops,
        "outages of the PACS": figures.outages,
        "images acknowledged": len(figures.acknowledged),
        "answers": {"none" if code is None else hex(code): count for code, count in figures.answers.items()},
        "strangers rejected": figures.strangers,
        "objects dropped": chaos.states["dropped_objects"],
        "states": chaos.states["states"],
        "objects in the PACS": dict(Counter(one["Modality"] for one in chaos.orthanc.instances())),
    }
