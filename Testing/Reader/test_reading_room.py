"""The reading room and a reader study in a browser: what is seen, what keys do, and that nothing else runs or is asked."""

import threading
from contextlib import contextmanager
from itertools import permutations, product

import numpy as np
import pytest
from reading_cases import LARGE, SMALL, result, scan
from sample_screenings import FAILED, INDETERMINATE, NOT_SUSPICIOUS, REJECTED, SUSPICIOUS, sample_scan
from test_reader_study import study_of
from test_reading_room import room_of

from PDACScreeningLib.reading_room.case_files import voxels_of
from PDACScreeningLib.reading_room.exchange import address, not_here, page
from PDACScreeningLib.reading_room.server import RoomServer
from PDACScreeningLib.reading_room.study_plan import Arm
from PDACScreeningLib.report.screening_report import report_html
from PDACScreeningLib.report.served_scan import ScanParts, ServedScan
from PDACScreeningLib.report.viewer_scan import Evidence
from PDACScreeningLib.report.viewer_section import served_viewer_script, viewer_section
from PDACScreeningLib.screening_json import write_screening
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

SIZES = ((1400, 900), (768, 1024), (390, 844))
HOSTILE = "</script><img src=x onerror=window.broke=1><script>window.broke=1</script>"
MOST_WHEEL_MS = 50
