"""A report as Markdown: the same words as the page, pictures by their files."""

from __future__ import annotations

from PDACScreeningLib.evaluation.document import Block, Document, Paragraph, Section, Table


def to_markdown(report: Document) -> str:
    """The whole text, ending with a line break."""
    parts = [f"# {report.title}", " ".join(report.notices)]
    parts += [_section(section) for section in report.sections]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section) -> str:
    return "\n\n".join([f"## {section.title}", *(_block(block) for block in section.blocks)])


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"**{block.text}**" if block.is_warning else block.text
    if isinstance(block, Table):
        return _table(block)
    return f"![{block.description}]({block.path})\n\n{block.caption}"


def _table(table: Table) -> str:
    if not table.rows:
        return f"{table.caption}: none."
    lines = [_line(table.columns), "|" + "---|" * len(table.columns), *(_line(row) for row in table.rows)]
    return f"{table.caption}:\n\n" + "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
