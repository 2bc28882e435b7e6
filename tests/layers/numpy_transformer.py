"""A transformer layer in NumPy, one history at a time."""

import numpy as np


def normalize(vectors, gamma, beta):
    mean = vectors.mean(-1, keepdims=True)
    variance = ((vectors - mean) ** 2).mean(-1, keepdims=True)
    return gamma * (vectors - mean) / np.sqrt(variance + 1e-5) + beta


def weights_of(block):
    """Returns the weights of a block by the last two parts of their names."""
    return {
        "/".join(weight.name.split(":")[0].split("/")[-2:]): weight.numpy()
        for weight in block.weights
    }


def transform(items, weights, pair_keys=0.0, pair_values=0.0, causal=False):
    """One head, post-norm, of a single history (length, dim).

    Args:
        items: (length, dim).
        weights: weights by name, as `weights_of` gives them.
        pair_keys: (length, length, dim) added to the keys, or 0.
        pair_values: the same for the values.
        causal: whether a place attends to itself and earlier ones only.
    """
    dim = items.shape[-1]
    queries, keys, values = (
        items @ weights["attention_projection/kernel"][:, part]
        + weights["attention_projection/bias"][part]
        for part in (slice(dim), slice(dim, 2 * dim), slice(2 * dim, 3 * dim))
    )
    # The keys and values that each query sees.
    keys = keys[np.newaxis] + pair_keys
    values = values[np.newaxis] + pair_values
    logits = (queries[:, np.newaxis] * keys).sum(-1) / np.sqrt(dim)
    attention = np.exp(logits)
    if causal:
        attention = np.tril(attention)
    attention /= attention.sum(axis=1, keepdims=True)
    hidden = normalize(
        items + (attention[..., np.newaxis] * values).sum(1),
        weights["attention_norm/gamma"],
        weights["attention_norm/beta"],
    )
    output = (
        np.maximum(
            hidden @ weights["feed_forward_hidden/kernel"]
            + weights["feed_forward_hidden/bias"],
            0,
        )
        @ weights["feed_forward_output/kernel"]
        + weights["feed_forward_output/bias"]
    )
    return normalize(
        hidden + output,
        weights["feed_forward_norm/gamma"],
        weights["feed_forward_norm/beta"],
    )
