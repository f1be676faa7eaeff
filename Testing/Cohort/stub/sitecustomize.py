"""Put first on PYTHONPATH: workers of the library then screen with a network that is a threshold, without torch.

The child that screens is everything it is otherwise: orders, reading, the gate, the rule, result folders. Hounsfield
units of the scan's first voxel can ask for trouble (see `cohort_scans`).
"""

import os
import signal
import sys
import time

if "worker" in sys.orig_argv:
    import numpy as np

    from PDACScreeningLib.config import HUWindow
    from PDACScreeningLib.inference.engine import CoarseToFine
    from PDACScreeningLib.network.model_description import read_description
    from PDACScreeningLib.session import model, screener

    PACE_S = float(os.environ.get("STUB_PACE_S", "0.5"))
    KILLS_CHILD, KILLS_WORKER = -901, -902

    class Threshold:
        """Pancreas from 80 HU, tumor from 150 HU."""

        batch_size = 8
        memory_steps = ()

        def __call__(self, windows):
            hu = windows * HUWindow().std_hu + HUWindow().mean_hu
            labels = np.digitize(hu, (80, 150))
            answer = np.full((len(windows), 3, *windows.shape[1:]), 0.05, np.float32)
            for label in range(3):
                answer[:, label][labels == label] = 0.9
            return answer

    def load(self):
        description = read_description(self.folder)
        networks = {scale.patch_size: Threshold() for scale in description.config.scales}
        return model.LoadedModel(
            facts=description.facts("test"),
            config=description.config,
            device="cpu",
            precision="fp32",
            engine=CoarseToFine(networks, description.config),
            memory_steps=tuple,
        )

    def read_scan(*arguments, **options):
        read = real_read_scan(*arguments, **options)
        asked = int(read.volume.hu[0, 0, 0])
        if asked == KILLS_WORKER:
            os.kill(os.getppid(), signal.SIGKILL)
        if asked in (KILLS_CHILD, KILLS_WORKER):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(PACE_S)
        return read

    real_read_scan = screener.read_scan
    screener.read_scan = read_scan
    model.LazyModel._load = load
