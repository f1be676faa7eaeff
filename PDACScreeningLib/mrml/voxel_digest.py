"""Which voxels a volume holds, without making Slicer wait: a large CT is looked at a slab at a time, once a change."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from PDACScreeningLib.mrml.ct_volume_node import voxels_of
from PDACScreeningLib.scan_files.hounsfield import whole_units

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode

VOXELS_AT_ONCE = 12_000_000  # 24 MB of int16: about 50 ms
_REMEMBERED = 4  # images


class VoxelDigests:
    """SHA-256 of the Hounsfield units of volume nodes, remembered until the voxels are reported as modified.

    Voxels that somebody changes without telling VTK are not noticed here; before a score or a review is stored,
    everything is looked at afresh (`shown_result.require_current`).
    """

    def __init__(self, voxels_at_once: int = VOXELS_AT_ONCE) -> None:
        self._at_once = voxels_at_once
        self._begun: OrderedDict[int, _Digesting] = OrderedDict()

    def __call__(self, volume_node: vtkMRMLScalarVolumeNode) -> str | None:
        """The digest, as `digests.voxels_sha256` has it; None while there is more to look at: call again soon.

        Raises InputRejected for a node without an image.
        """
        voxels = voxels_of(volume_node)
        modified = int(volume_node.GetImageData().GetMTime())  # VTK gives every modification a number of its own
        digesting = self._begun.pop(modified, None) or _Digesting()
        self._begun[modified] = digesting
        while len(self._begun) > _REMEMBERED:
            self._begun.popitem(last=False)
        return digesting.advance(voxels, self._at_once)


class _Digesting:
    """One image on its way to a digest."""

    def __init__(self) -> None:
        self._digest, self._next_plane = hashlib.sha256(), 0

    def advance(self, voxels: Any, at_once: int) -> str | None:
        planes = max(1, at_once // voxels[0].size)
        for plane in voxels[self._next_plane : self._next_plane + planes]:
            self._digest.update(whole_units(plane).astype("<i2", copy=False).tobytes())
        self._next_plane += planes
        return self._digest.hexdigest() if self._next_plane >= len(voxels) else None
