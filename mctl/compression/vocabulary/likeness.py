"""Which of the pieces that no text uses are the likeliest to be used by the next one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Chosen by cross-validation within the training headlines of MahaNews SHC.
_REGULARISATION = 1e-2


def likeliest_first(
    embeddings: np.ndarray, counts: np.ndarray, used: Sequence[int], candidates: Sequence[int]
) -> list[int]:
    """Candidates, those most like the used pieces first.

    A language, a domain and a style of writing are directions of the embedding space, and pieces are numbered by
    frequency, roughly, in all common vocabularies. So a logistic regression tells used from unused pieces by embedding
    and logarithm of the id; the unused ones that it takes for used come first. A used piece weighs one over its count:
    what was seen once says most about what has not been seen yet.

    Args:
        embeddings: (tokens, width) float32, a row for each id.
        counts: (ids,) how often each id occurs.
        used: ids of pieces in use.
        candidates: ids of others.
    """
    if not used or not candidates:
        return list(candidates)
    from sklearn.linear_model import LogisticRegression

    ids = np.concatenate([np.asarray(used), np.asarray(candidates)])
    features = np.column_stack([embeddings[ids], np.log1p(ids)]).astype(np.float32)
    spread = features.std(0)
    features = (features - features.mean(0)) / np.where(spread > 0, spread, 1)
    is_used = np.arange(len(ids)) < len(used)
    # Newton's steps end at the optimum to many digits, so that another number of threads gives the same order.
    regression = LogisticRegression(C=_REGULARISATION, solver="newton-cholesky")
    regression.fit(features, is_used, sample_weight=1 / np.maximum(counts[ids], 1))
    scores = regression.decision_function(features[len(used) :])
    order: list[int] = np.asarray(candidates)[np.argsort(-scores, kind="stable")].tolist()
    return order
