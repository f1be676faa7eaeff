"""Section 3 of the paper: how well the screening agrees with the truth, with confidence intervals."""
