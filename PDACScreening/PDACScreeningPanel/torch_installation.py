"""PyTorch comes through its own extension, which picks the right build and asks before it downloads."""

from slicer.i18n import tr as _

from PDACScreeningLib.errors import PDACScreeningError

TORCH_REQUIREMENT = ">=2.10"


def install_torch():
    """Install PyTorch. Returns whether it is there now; False when the person declined.

    Raises PDACScreeningError when the extension is missing. The extension imports torch into this process once.
    """
    try:
        import PyTorchUtils
    except ModuleNotFoundError as error:
        raise PDACScreeningError(
            _("Install the extension PyTorch with the Extensions Manager, restart Slicer, and press Screen again.")
        ) from error
    logic = PyTorchUtils.PyTorchUtilsLogic()
    return logic.installTorch(askConfirmation=True, torchVersionRequirement=TORCH_REQUIREMENT) is not None
