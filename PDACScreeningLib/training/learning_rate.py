"""The learning rate (section 2.2): "decayed polynomially (the power is 0.9) in a total of 80,000 iterations"."""

from PDACScreeningLib.config import OptimizerSpec


def learning_rate(iteration: int, total_iterations: int, spec: OptimizerSpec) -> float:
    """Rate of a 0-based iteration: base * (1 - t/T)^power, after an optional linear rise (ours).

    Raises ValueError for an iteration outside 0..total_iterations - 1.
    """
    if not 0 <= iteration < total_iterations:
        raise ValueError(f"iteration must lie in 0..{total_iterations - 1}, got {iteration}")
    decay: float = (1 - iteration / total_iterations) ** spec.power
    return spec.learning_rate * decay * min(1.0, (iteration + 1) / (spec.warmup_iterations + 1))
