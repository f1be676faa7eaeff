"""Two synthetic scans for the Sample Data module: computed on this machine, nothing is downloaded."""

from dataclasses import dataclass

import slicer

from PDACScreeningLib.resources import resource

CATEGORY = "PDACScreening"


@dataclass(frozen=True)
class PhantomSample:
    """One phantom; equal seeds give equal voxels."""

    name: str
    seed: int
    tumor_diameter_mm: float | None  # None = no tumor

    def load(self):
        """Compute the phantom, add it to the scene and show it, as a loaded scan. Returns the volume node."""
        from PDACScreeningLib.mrml.new_volume_node import add_ct
        from PDACScreeningLib.phantom.generator import generate
        from PDACScreeningLib.phantom.specification_draw import random_specification

        with slicer.util.WaitCursor():
            phantom = generate(random_specification(self.seed, tumor_diameter_mm=self.tumor_diameter_mm))
        node = add_ct(slicer.mrmlScene, phantom.ct, self.name)
        application = slicer.app.applicationLogic()
        application.GetSelectionNode().SetActiveVolumeID(node.GetID())
        application.PropagateVolumeSelection()
        return node


SAMPLES = (
    PhantomSample("PDAC phantom with a tumor", seed=1, tumor_diameter_mm=30.0),
    PhantomSample("PDAC phantom without a tumor", seed=2, tumor_diameter_mm=None),
)


def register_samples():
    """Offer the phantoms in the Sample Data module, where Slicer has it."""
    try:
        import SampleData
    except ModuleNotFoundError:  # a build without that module, or one where it was switched off
        return

    for sample in SAMPLES:
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=sample.name,
            uris=f"urn:pdac-phantom:{sample.seed}",  # the custom downloader never opens it
            fileNames=f"{sample.name}.nrrd",
            nodeNames=sample.name,
            thumbnailFileName=str(resource("Icons/PDACScreening.png")),
            customDownloader=lambda _source, sample=sample: [sample.load()],
        )
