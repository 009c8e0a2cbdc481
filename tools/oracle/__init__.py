"""Every figure once more, in one batch, from the events alone.

Written from the definitions with NumPy and NetworkX, sharing no code with the folds of insights, so
that `coprod verify` and the tests hold the figures against what cannot share their mistakes.
"""
