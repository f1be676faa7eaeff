"""PDACScreening: segmentation for classification of pancreatic ductal adenocarcinoma on abdominal CT.

Implements Zhu, Xia, Xie, Fishman, Yuille, "Multi-Scale Coarse-to-Fine Segmentation for Screening Pancreatic
Ductal Adenocarcinoma", MICCAI 2019. Research use only; not a medical device.

Importing this package imports nothing heavy: no torch, no SimpleITK.
"""

__version__ = "0.1.0"
