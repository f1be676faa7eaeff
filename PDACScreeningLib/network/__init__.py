"""Fig. 2 of the paper and imported networks, on any device.

Before torch is imported it is asked to take the memory of its tensors in huge pages, where Linux has them (ADR 0045): a
network on processors takes and frees some megabytes a layer, and filling them page by page with zeros was up to a
fifth of its time. No number changes. Whoever sets the variable to 0 has the pages as before.
"""

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
