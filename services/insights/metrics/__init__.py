"""Metrics: pure kernels that fold facts, and the figures read from them.

``state.ServiceState(as_of)`` takes facts (``apply``); ``figures.figures(state, window, lens)``
reads every figure of the catalogue; ``timeline.Timeline(facts).at(day)`` gives the state of any
day, and of one day after another cheaply. ``services.insights.verdict.classify`` gives the class.

Readings, where the catalogue of metrics leaves a choice:

1.  Evidence of the floor is every contribution of the window, also one without a mode, and every
    decision. Givers are the distinct givers, or the voters of one decision where those are more:
    voters are not named, so they are never added to anybody.
2.  An act with no named person but its giver has unknown receivers, also where groups are named;
    so has one with more than 50, which is a group gift. Either counts in what was given (E2).
3.  A figure without a lens asks the verdict's own lens whether too many receivers are unknown, so
    that it is one figure. A weighted one asks the lens it is read in.
4.  The 80 % of minutes are of all contributions of the window. Without any, counts are the lens.
5.  p is read in the lens that the window has, whatever share of the year's acts carries minutes.
6.  In the rule a lay share of acts with fewer than k lay givers is 0 even where its figure is null
    for fewer than k givers in all. It is absent only where the acts weigh nothing.
7.  H3 of the flag ``co_commission`` is that of the window, as shown beside it.
8.  J1, J2, J3: once somebody has a lay gift (in W, ever, in the 180 days), all that they gave
    counts, with whatever stamp. M3 weighs lay gifts alone, top shares are of the active.
9.  B3: an answer counts within 30 days of the feedback; "implemented" is of those answers.
10. G2: the acts that make an episode complementary lie in the window, as everything does.
11. A4 leaves out receivers of unknown party, edge by edge; n is the acts that keep an edge.
12. N1 is over the contributions whose affiliation is known; null where none is.
13. H3 of several currencies is null (``currencies_mixed``): units are never mixed.
14. ``no_data``: nothing in the denominator; ``below_k``: something, from fewer than k. The floor
    comes before missing minutes, then unknown receivers, then these.
15. A party stands on every act by contract, so step 0's share of stamped weight can't fail.
16. Q4 is the mean over all fields that any figure needs; each figure's own mean stands beside it.
17. The smallest flip is by distance from the threshold. A null quantity can't be moved. p moves by
    planning acts where they can do it, else by votes.
18. An interval of p is that of its acts, with the votes as they are; where a share reads as 0 for
    too few givers, its interval is that of 0.
19. A class is announced only while no quantity is within the margin of a value that would give the
    class announced before; a grade needs two days and no margin.
"""
