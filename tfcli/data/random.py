"""Random numbers that depend on the seed and on what they are for, and on nothing else."""

from hashlib import blake2b

import numpy as np


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A Philox stream keyed by `seed` and `purpose`: the same two give the same numbers on every machine."""
    key = blake2b("/".join(map(str, (seed, *purpose))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(key, np.dtype("<u8")).astype(np.uint64)))
