"""Stateless randomness: every draw is a function of a seed, a name and counters.

The batch of iteration t is a function of (seed, scale, t), so resuming a training needs no stored generator state.
"""

import hashlib

import numpy as np


def stream(seed: int, name: str, *counters: int) -> np.random.Generator:
    """A generator that depends on its arguments alone.

    Equal arguments give equal draws on every machine and in every process; different names or counters give
    independent ones. Raises ValueError for a negative seed or counter.
    """
    if seed < 0 or any(counter < 0 for counter in counters):
        raise ValueError(f"seed and counters must not be negative, got {seed} and {counters}")
    name_words = np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], dtype="<u4")
    entropy = [seed, *(int(word) for word in name_words), *counters]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))
