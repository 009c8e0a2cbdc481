"""Metrics: pure kernels that fold facts, and the figures read from them.

``state.ServiceState(as_of)`` takes facts (``apply``); ``figures.figures(state, window, lens)``
reads every figure of the catalogue; ``timeline.Timeline(facts).at(day)`` gives the state of any
day, and of one day after another cheaply. ``services.insights.verdict.classify`` gives the class.
``readings`` says how the catalogue is read where it leaves a choice, and is published with it.
"""
