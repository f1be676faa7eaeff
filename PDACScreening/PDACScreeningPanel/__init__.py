"""The sections of the module's panel, one file each: Qt wiring only. What can run without Qt is in the library."""
