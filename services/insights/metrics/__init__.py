"""Metrics: pure kernels that fold facts, and the figures read from them.

``state.ServiceState(as_of)`` takes facts (``apply``); ``figures.figures(state, window, lens)``
reads every figure of the catalogue; ``timeline.Timeline(facts).at(day)`` gives the state of any
day, and of one day after another cheaply. ``services.insights.verdict.classify`` gives the class.
``catalogue`` lists the families of metrics, each of which is declared in a file of ``families``;
``readings`` says how they are read where they leave a choice. Both are published.
"""
