"""One number in [0, 1] that ranks scans (section 3.3)."""

from PDACScreeningLib.config import DecisionRule, ScoreWeights


def confidence_score(
    tumor_voxels: int, mean_tumor_probability: float | None, rule: DecisionRule, weights: ScoreWeights
) -> float:
    """Weighted sum of tumor size and mean tumor probability (section 3.3).

    s = a n / (n + K) + (1 - a) p  for n > 0, else 0. The paper gives neither the weights nor how a voxel count comes
    to lie in [0, 1]; n / (n + K) is 1/2 exactly where its rule decides, rises always and needs no data set's maximum.

    tumor_voxels: n, of the working grid, after the component filter. mean_tumor_probability: p, over those voxels; None
    exactly when there are none. The score ranks scans; it is not the probability of cancer.
    Raises ValueError when n and p do not belong together.
    """
    if (tumor_voxels == 0) != (mean_tumor_probability is None):
        raise ValueError(f"{tumor_voxels} tumor voxels cannot have the mean probability {mean_tumor_probability}")
    if mean_tumor_probability is None:
        return 0.0
    share = tumor_voxels / (tumor_voxels + rule.min_tumor_voxels)
    return weights.count_weight * share + (1 - weights.count_weight) * mean_tumor_probability
