"""A small PanTS on disk, with every trap of the real one."""

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import SimpleITK as sitk
from dataset_trees import GEOMETRY, gland_in_fat

ONE = 1.0000000591  # how head, body and tail come out of their scaling
STRUCTURES = ("pancreas", "pancreas_head", "pancreas_body", "pancreas_tail", "pancreatic_duct", "pancreatic_lesion")
COLUMNS = ("PanTS ID", "shape", "ct phase", "sex", "tumor?", "structured report")
PDAC_REPORT = "No cyst. A hypoattenuating mass in the head, consistent with PDAC."
CYST_REPORT = "A cystic lesion of the tail. No evidence of pancreatic ductal adenocarcinoma."


def case_name(number: int) -> str:
    return f"PanTS_{number:08}"


def write_oriented(path: Path, array, axes: str) -> Path:
    """An array of `GEOMETRY` with its axes stored in another order, such as IPL; the voxels stay where they are."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(GEOMETRY.spacing_mm)
    image.SetOrigin(GEOMETRY.origin_mm)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.DICOMOrient(image, axes), str(path), True)
    return path


def write_masks(folder: Path, labels, axes: str, *, without=()) -> None:
    """Overlapping masks: the pancreas holds head, body, tail, duct and lesion; absent structures are empty files."""
    gland, lesion = labels > 0, labels == 2
    x = np.arange(labels.shape[2])
    masks = {
        "pancreas": gland.astype(np.uint8),
        "pancreas_head": (gland & (x < 15)) * ONE,
        "pancreas_body": (gland & (x >= 15) & (x < 19)) * ONE,
        "pancreas_tail": (gland & (x >= 19)) * ONE,
        "pancreatic_duct": np.zeros(labels.shape, np.uint8),
        "pancreatic_lesion": lesion * ONE,
    }
    for name in set(STRUCTURES) - set(without):
        write_oriented(folder / "segmentations" / f"{name}.nii.gz", masks[name], axes)
    (folder / "combined_labels.nii.gz").write_bytes(b"lossy, and never to be read")


def add_case(root: Path, number: int, *, seed, tumor, axes="LPS", mask_axes=None, without=(), part="Tr") -> None:
    hu, labels = gland_in_fat(seed, tumor=tumor)
    name = case_name(number)
    write_oriented(root / f"Image{part}" / name / "ct.nii.gz", hu, axes)
    write_masks(root / f"Label{part}" / name, labels, mask_axes or axes, without=without)
    (root / f"Report{part}" / name).mkdir(parents=True)
    (root / f"Report{part}" / name / "report.pdf").write_bytes(b"%PDF")


def pants_tree(root: Path) -> Path:
    """The clone after its download scripts."""
    add_case(root, 1, seed=301, tumor=False)
    add_case(root, 2, seed=302, tumor=True, axes="RAS")
    add_case(root, 3, seed=303, tumor=True, axes="IPL", mask_axes="RAS")
    add_case(root, 4, seed=304, tumor=False, without=("pancreatic_lesion",))
    add_case(root, 5, seed=305, tumor=False)  # of which the table says that it has a tumor
    add_case(root, 9001, seed=306, tumor=True, part="Te")
    write_oriented(root / "ImageTr" / case_name(6) / "ct.nii.gz", gland_in_fat(307)[0], "LPS")
    rows = [(1, "Venous", 0, ""), (2, "Venous", 1, PDAC_REPORT), (3, "Arterial", 1, CYST_REPORT), (4, "", 0, "")]
    rows += [(5, "Venous", 1, PDAC_REPORT), (9001, "Venous", 1, PDAC_REPORT)]
    write_metadata(root / "metadata.xlsx", rows)
    return root


def write_metadata(path: Path, rows) -> Path:
    """rows: (number, phase, tumor, report)."""
    lines = [
        COLUMNS,
        *((case_name(number), "(44, 48, 36)", phase, "F", tumor, report) for number, phase, tumor, report in rows),
    ]
    return write_xlsx(path, lines)


def write_xlsx(path: Path, lines) -> Path:
    """Shared strings for text, plain cells for numbers, nothing for an empty cell."""
    strings: list[str] = []
    sheet = []
    for number, line in enumerate(lines, start=1):
        cells = []
        for letter, value in zip("ABCDEFGHIJ", line, strict=False):
            if isinstance(value, str) and value:
                strings.append(value)
                cells.append(f'<c r="{letter}{number}" t="s"><v>{len(strings) - 1}</v></c>')
            elif not isinstance(value, str):
                cells.append(f'<c r="{letter}{number}"><v>{value}</v></c>')
        sheet.append(f'<row r="{number}">{"".join(cells)}</row>')
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    texts = "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "xl/worksheets/sheet1.xml", f"<worksheet {main}><sheetData>{''.join(sheet)}</sheetData></worksheet>"
        )
        archive.writestr("xl/sharedStrings.xml", f"<sst {main}>{texts}</sst>")
    return path
