"""Files of volumes that people reported in public, made from formulas; public_cases.py tells what comes of each."""

import bz2
import gzip

import nibabel
import numpy as np
from stored_scans import body_hu

SHAPE = (40, 24, 28)
HU = body_hu(SHAPE)
RAS = np.diag([-2.5, -3.0, 3.0, 1.0])
RAS[:3, 3] = (35.0, 36.0, 100.0)


def nifti(folder, hu=HU, affine=RAS, *, qform=1, sform=1, dtype=np.int16):
    folder.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(np.asarray(hu).transpose(2, 1, 0).astype(dtype), affine)
    image.set_sform(affine, sform)
    image.set_qform(affine, qform, strip_shears=True)
    nibabel.save(image, folder / "ct.nii.gz")
    return folder / "ct.nii.gz"


def nifti_2(folder):
    """nibabel#1004"""
    folder.mkdir(parents=True)
    nibabel.save(nibabel.Nifti2Image(HU.transpose(2, 1, 0), RAS), folder / "ct.nii")
    return folder / "ct.nii"


def pair(folder, given="ct.hdr"):
    """nibabel: a header and its voxels"""
    folder.mkdir(parents=True)
    nibabel.save(nibabel.Nifti1Pair(HU.transpose(2, 1, 0), RAS), folder / "ct.img")
    return folder / given


def analyze(folder, given="ct.hdr"):
    """Older than NIfTI; nobody knows where left is"""
    folder.mkdir(parents=True)
    nibabel.save(nibabel.AnalyzeImage(HU.transpose(2, 1, 0), None), folder / "ct.img")
    return folder / given


def nifti_bz2(folder):
    """nibabel writes and reads it"""
    path = nifti(folder)
    (folder / "ct.nii.bz2").write_bytes(bz2.compress(gzip.decompress(path.read_bytes())))
    return folder / "ct.nii.bz2"


def nrrd_raw(folder, **changes):
    """teem: a file name with a folder, a voxel stream that begins before the file"""
    folder.mkdir(parents=True)
    text = "NRRD0005\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 28 24 40\nendian: little\n"
    text += "space directions: (2.5,0,0) (0,3,0) (0,0,3)\nspace origin: (-35,-36,100)\nencoding: raw\n"
    text += "".join(f"{key.replace('_', ' ')}: {value}\n" for key, value in changes.items())
    (folder / "d.raw").write_bytes(HU.astype("<i2").tobytes())
    (folder / "ct.nhdr").write_text(text + "\n")
    return folder / "ct.nhdr"


def meta_modality_first(folder):
    """elastix and others: keys in another order"""
    folder.mkdir(parents=True)
    text = "Modality = MET_MOD_CT\nNDims = 3\nDimSize = 28 24 40\nElementSpacing = 2.5 3 3\nOffset = -35 -36 100\n"
    text += "TransformMatrix = 1 0 0 0 1 0 0 0 1\nBinaryDataByteOrderMSB = False\nElementType = MET_SHORT\n"
    content = (text + "ElementDataFile = LOCAL\n").encode() + HU.astype("<i2").tobytes()
    (folder / "ct.mha").write_bytes(content)
    return folder / "ct.mha"


def in_meters(folder):
    """NIfTI whose unit is the meter (xyzt_units 1)"""
    path = nifti(folder)
    image = nibabel.load(path)
    affine = image.affine.copy()
    affine[:3] /= 1000
    image = nibabel.Nifti1Image(np.asanyarray(image.dataobj), affine)
    image.header.set_xyzt_units("meter")
    nibabel.save(image, folder / "m.nii.gz")
    return folder / "m.nii.gz"


def nrrd_ascii(folder):
    """teem, ImageJ"""
    folder.mkdir(parents=True)
    text = "NRRD0005\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 28 24 40\n"
    text += "space directions: (2.5,0,0) (0,3,0) (0,0,3)\nencoding: ascii\n\n" + " ".join(map(str, HU.ravel()))
    (folder / "ct.nrrd").write_text(text)
    return folder / "ct.nrrd"
