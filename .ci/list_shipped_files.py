"""Writes the lists of shipped files into CMakeLists.txt: what is not listed there is not in the Slicer package.

Run it after adding or removing a file of the library or of Resources; Testing/Python/test_extension_files.py compares.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LISTS = {"PDACScreeningLib_SCRIPTS": ("PDACScreeningLib", "*.py"), "PDACScreeningLib_RESOURCES": ("Resources", "*")}


def files(folder: str, pattern: str) -> list[str]:
    """Paths from the root, in order, without caches."""
    found = (path for path in (ROOT / folder).rglob(pattern) if path.is_file() and "__pycache__" not in path.parts)
    return sorted(str(path.relative_to(ROOT)) for path in found)


def main() -> None:
    """Replace both lists."""
    cmake = ROOT / "CMakeLists.txt"
    text = cmake.read_text(encoding="utf-8")
    for name, (folder, pattern) in LISTS.items():
        body = "".join(f"  {path}\n" for path in files(folder, pattern))
        text = re.sub(rf"set\({name}\n.*?\n  \)", f"set({name}\n{body}  )", text, count=1, flags=re.DOTALL)
    cmake.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
