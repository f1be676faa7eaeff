"""A host in which the Slicer module runs without the Slicer application.

Real: the MRML scene, nodes, module logics and storage nodes (from the `slicer-core` package), `slicer.util`, and Qt
(from PySide6, offscreen). Stand-ins: the widgets of ctk and qMRML, PythonQt's manners, `slicer.app`, and, unless
SLICER_SOURCE names a checkout of Slicer, `ScriptedLoadableModule`, `parameterNodeWrapper` and `i18n`.

What passes here is wired correctly against real MRML and real Qt. It is not thereby tested in 3D Slicer.
"""
