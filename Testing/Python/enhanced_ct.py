"""An Enhanced CT (PS3.3 A.38) with every functional group that the standard asks for, written with pydicom alone."""

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

WHEN = "20260102101112.000000"
IMAGE_TYPE = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]


def items(**elements):
    """A sequence of one item."""
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return [item]


def code(value, scheme, meaning):
    return items(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def enhanced_ct(hu, positions_mm, orientation, spacing_mm, order):
    """hu: (z, y, x); positions_mm: (z, 3) of the first pixel of each slice; orientation: six numbers, rows first.

    spacing_mm: (x, y, z). order: of the slices as frames. Slope and intercept differ from those of ordinary series.
    """
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _add_identity(image)
    _add_pixels(image, hu[list(order)])
    image.SharedFunctionalGroupsSequence = [_shared(orientation, spacing_mm)]
    image.PerFrameFunctionalGroupsSequence = [
        _frame(number, positions_mm[z], int(z) + 1) for number, z in enumerate(order, start=1)
    ]
    dimensions = generate_uid()
    image.DimensionOrganizationSequence = items(DimensionOrganizationUID=dimensions)
    image.DimensionOrganizationType = "3D"
    image.DimensionIndexSequence = items(
        DimensionOrganizationUID=dimensions, DimensionIndexPointer=0x00200032, FunctionalGroupPointer=0x00209113
    )
    return image


def _add_identity(image):
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2.1", generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.FrameOfReferenceUID, image.PositionReferenceIndicator = generate_uid(), ""
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Doe^Jane", "M1", "19500101", "F"
    image.StudyDate, image.StudyTime, image.StudyID, image.AccessionNumber = "20260102", "101112", "1", "A1"
    image.ReferringPhysicianName, image.Modality, image.SeriesNumber, image.InstanceNumber = "", "CT", 4, 1
    image.SeriesDate, image.SeriesTime, image.PatientPosition, image.BodyPartExamined = (
        "20260102",
        "101112",
        "HFS",
        "ABDOMEN",
    )
    image.ContentDate, image.ContentTime, image.AcquisitionDateTime = "20260102", "101112", WHEN
    image.Manufacturer, image.ManufacturerModelName = "none", "none"
    image.DeviceSerialNumber, image.SoftwareVersions = "1", "1"
    image.ImageType, image.AcquisitionNumber, image.AcquisitionDuration = IMAGE_TYPE, 1, 5000.0
    image.ContentQualification, image.PixelPresentation = "RESEARCH", "MONOCHROME"
    image.VolumetricProperties, image.VolumeBasedCalculationTechnique = "VOLUME", "NONE"
    image.MultienergyCTAcquisition, image.PresentationLUTShape = "NO", "IDENTITY"
    image.BurnedInAnnotation, image.LossyImageCompression = "NO", "00"
    image.AcquisitionContextSequence = []


def _add_pixels(image, hu):
    image.NumberOfFrames, image.Rows, image.Columns = hu.shape
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelData = ((hu.astype(np.int32) + 8192) * 2).astype("<u2").tobytes()


def _shared(orientation, spacing_mm):
    x_mm, y_mm, z_mm = spacing_mm
    shared = Dataset()
    shared.PixelMeasuresSequence = items(PixelSpacing=[y_mm, x_mm], SliceThickness=z_mm)
    shared.PlaneOrientationSequence = items(ImageOrientationPatient=[format(v, ".10g") for v in orientation])
    shared.PixelValueTransformationSequence = items(RescaleIntercept=-8192, RescaleSlope=0.5, RescaleType="HU")
    shared.FrameAnatomySequence = items(FrameLaterality="U", AnatomicRegionSequence=code("818981001", "SCT", "Abdomen"))
    shared.CTImageFrameTypeSequence = items(
        FrameType=IMAGE_TYPE,
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    shared.IrradiationEventIdentificationSequence = items(IrradiationEventUID=generate_uid())
    shared.FrameVOILUTSequence = items(WindowCenter=40, WindowWidth=400)
    shared.CTAcquisitionTypeSequence = items(AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO")
    shared.CTAcquisitionDetailsSequence = items(
        RotationDirection="CW",
        RevolutionTime=0.5,
        SingleCollimationWidth=0.6,
        TotalCollimationWidth=38.4,
        TableHeight=150.0,
        GantryDetectorTilt=0.0,
        DataCollectionDiameter=500.0,
    )
    shared.CTTableDynamicsSequence = items(TableSpeed=46.0, TableFeedPerRotation=23.0, SpiralPitchFactor=0.6)
    shared.CTGeometrySequence = items(DistanceSourceToDetector=1085.0, DistanceSourceToDataCollectionCenter=595.0)
    shared.CTReconstructionSequence = items(
        ReconstructionAlgorithm="FILTER_BACK_PROJ",
        ConvolutionKernel="B30f",
        ConvolutionKernelGroup="SOFT_TISSUE",
        ReconstructionDiameter=300.0,
        ReconstructionPixelSpacing=[y_mm, x_mm],
        ReconstructionAngle=360.0,
        ImageFilter="NONE",
    )
    shared.CTExposureSequence = items(
        ExposureTimeInms=500.0, XRayTubeCurrentInmA=200.0, ExposureInmAs=100.0, ExposureModulationType="NONE"
    )
    shared.CTXRayDetailsSequence = items(
        KVP="120", FocalSpots=[1.2], FilterType="NONE", CalciumScoringMassFactorPatient=1.0, FilterMaterial="ALUMINUM"
    )
    return shared


def _frame(number, position_mm, index):
    frame = Dataset()
    frame.PlanePositionSequence = items(ImagePositionPatient=[format(mm, ".10g") for mm in position_mm])
    frame.FrameContentSequence = items(
        FrameAcquisitionNumber=1,
        FrameReferenceDateTime=WHEN,
        FrameAcquisitionDateTime=WHEN,
        FrameAcquisitionDuration=500.0,
        DimensionIndexValues=[index],
        StackID="1",
        InStackPositionNumber=index,
    )
    frame.CTPositionSequence = items(
        TablePosition=float(index),
        ReconstructionTargetCenterPatient=[0.0, 0.0, 0.0],
        DataCollectionCenterPatient=[0.0] * 3,
    )
    return frame
