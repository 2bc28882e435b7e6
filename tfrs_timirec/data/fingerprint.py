"""Fingerprints of arrays, to tell which data a result was made from."""

import hashlib

import numpy as np


def fingerprint_arrays(*arrays: np.ndarray) -> str:
    """Returns the SHA-256 (hex) of arrays of numbers or of text.

    Args:
        *arrays: numeric arrays, or object arrays of str, in a fixed order.

    Example:
        >>> one = np.array(["ab", "c"], dtype=object)
        >>> two = np.array(["a", "bc"], dtype=object)
        >>> fingerprint_arrays(one) == fingerprint_arrays(two)
        False
    """
    digest = hashlib.sha256()
    for array in arrays:
        if array.dtype == object:
            texts = [text.encode("utf-8", "surrogatepass") for text in array]
            lengths = np.array([len(text) for text in texts], dtype=np.int64)
            content = lengths.tobytes() + b"".join(texts)
        else:
            content = np.ascontiguousarray(array).tobytes()
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(content)
    return digest.hexdigest()
