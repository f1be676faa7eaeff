"""The table of findings: one row a region; clicking it, n or p shows the region in all slice views."""

import qt
import slicer

from PDACScreeningLib.mrml.slice_views import jump_to
from PDACScreeningLib.report.score_panel import FINDING_COLUMNS, finding_rows
from PDACScreeningPanel.translation import translated

ROWS_SHOWN = 4  # more are scrolled to


class FindingsSection:
    """Shows the findings of one result, and jumps to them. Without findings it takes no room."""

    def __init__(self, ui):
        self.ui = ui
        self._findings = ()
        self._volume_node = None
        table = ui.findingsTable
        table.setColumnCount(len(FINDING_COLUMNS))
        table.setHorizontalHeaderLabels([translated(name) for name in FINDING_COLUMNS])
        table.horizontalHeader().setStretchLastSection(True)
        table.connect("cellClicked(int,int)", lambda row, _column: self.go_to(row))
        ui.nextFindingButton.connect("clicked(bool)", lambda _checked: self.step(1))
        ui.previousFindingButton.connect("clicked(bool)", lambda _checked: self.step(-1))
        self.show(None, None)

    def show(self, screening, volume_node):
        """Fill the table. screening: None empties it. volume_node: the scan of the findings, None when it is gone."""
        self._findings = screening.findings if screening is not None else ()
        self._volume_node = volume_node
        rows = finding_rows(screening) if screening is not None else []
        fill_table(self.ui.findingsTable, [[translated(text) for text in row] for row in rows], ROWS_SHOWN)
        hide_empty_columns(self.ui.findingsTable)
        self.ui.findingsSection.visible = bool(self._findings)
        reachable = bool(self._findings) and volume_node is not None
        for button in (self.ui.nextFindingButton, self.ui.previousFindingButton):
            button.enabled = reachable

    def step(self, by):
        """Go to the next or previous finding, around the end."""
        count = len(self._findings)
        if count:
            row = self.ui.findingsTable.currentRow()
            self.go_to((row + by) % count if row >= 0 else (0 if by > 0 else count - 1))

    def go_to(self, row):
        """Select a row and center all slice views on its region."""
        if self._volume_node is None or not 0 <= row < len(self._findings):
            return
        self.ui.findingsTable.selectRow(row)
        jump_to(slicer.mrmlScene, self._findings[row].inside_lps_mm, self._volume_node)


def fill_table(table, rows, rows_shown):
    """Put strings into a table that is as high as its rows, up to `rows_shown`. The chosen row stays chosen."""
    chosen = table.currentRow()
    table.clearContents()
    table.setRowCount(len(rows))
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            table.setItem(row, column, qt.QTableWidgetItem(text))
    table.resizeColumnsToContents()
    if 0 <= chosen < len(rows):
        table.selectRow(chosen)
    heights = [table.rowHeight(row) for row in range(min(len(rows), rows_shown))]
    table.setFixedHeight(table.verticalHeader().defaultSectionSize + sum(heights) + 2 * table.frameWidth)


def hide_empty_columns(table):
    """A column that says nothing of any row takes no room."""
    for column in range(table.columnCount):
        texts = [table.item(row, column).text() for row in range(table.rowCount)]
        table.setColumnHidden(column, bool(texts) and not any(texts))
