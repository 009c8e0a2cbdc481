"""G. Knowledge: who carries the service out, and whether both kinds of knowledge meet."""

from services.insights.metrics.definition import Family
from services.insights.metrics.engine import predicates as q
from services.insights.metrics.engine.predicates import gifts
from services.insights.metrics.engine.view import View
from services.insights.metrics.figure import Figure, Reason, missing
from services.insights.metrics.figure import share as share_of
from services.insights.metrics.readings import Reading
from services.insights.metrics.shares import plain, share

IN_EPISODE = gifts(episode=True)


def _complementary(view: View) -> Figure:
    episodes = view.tables.episodes
    n = len(episodes)
    if n and view.few_givers(IN_EPISODE):
        return missing(Reason.BELOW_K, n)
    return share_of(episodes.complementary, n, n)


FAMILY = Family(
    id="G",
    clause="le savoir des utilisateurs et le savoir des professionnels sont nécessaires et se"
    " complètent … repenser le système pour le service soit « co-exécuté »",
    metrics=(
        share(
            "G1",
            fr="part de co-exécution",
            en="co-delivery share",
            formula="M(L,deliver,act)/M(deliver,act)",
            source="Bovaird 2007",
            fields=("party", "minutes", "phase", "mode"),
            reading="the axis d of the class",
            readings=(Reading("delivery", "Acts of phase deliver."),),
            few_lay=True,
            part=q.LAY_DELIVERY,
            whole=q.DELIVERY,
        ),
        plain(
            "G2",
            _complementary,
            fr="épisodes où les savoirs se complètent",
            en="complementary episodes",
            formula="episodes with ≥1 lay act and ≥1 professional act / episodes",
            source="the founding article",
            fields=("party", "mode", "episode"),
            reading="0.5 or more: sharing is the norm",
            readings=(
                Reading(
                    "episodes",
                    "Episodes with any contribution in W; the acts that make one complementary lie"
                    " in W too.",
                ),
            ),
            interval="episodes",
        ),
    ),
)
