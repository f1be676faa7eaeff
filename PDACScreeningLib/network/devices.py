"""What can be asked to compute. Apart from `runtime`, so that a parser of arguments needs no torch."""

DEVICES = ("auto", "cpu", "cuda", "mps")  # "auto": a GPU if there is one
