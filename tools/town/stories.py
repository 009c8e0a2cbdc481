"""The nine services of the town. Together they reach every verdict."""

from collections.abc import Iterator

from tools.town.deed import Deed, Scene, consultation, decision, feedback, gift, opinion
from tools.town.story import ActKind, Cast, Story, cast

FIRST_JURORS = 40
JURY = 6


# ---- the youth court: its jurors stood before it themselves ----


def _first_hearings(people: Cast, scene: Scene) -> Iterator[Deed]:
    """The staff hear cases before there are jurors. Whoever was heard can become a juror."""
    for number in range(FIRST_JURORS // 10):
        heard = people.users[(scene.day_number * FIRST_JURORS // 10 + number) % FIRST_JURORS]
        judge, clerk = scene.several(people.staff, 2)
        about = {"phase": "deliver", "kind": "hearing", "receivers": [heard]}
        yield scene.deed(number, *gift(scene, judge, clerk, 45, **about, scope="individual"))


def _hearing(people: Cast, scene: Scene) -> Iterator[Deed]:
    pool = min(len(people.users), FIRST_JURORS + scene.day_number // 3)
    heard = people.users[pool % len(people.users)]
    jurors = scene.several([one for one in people.users[:pool] if one != heard], JURY)
    clerk, parent = scene.one(people.staff), scene.one(people.family)
    about = {
        "phase": "deliver",
        "receivers": [heard],
        "episode_local_id": scene.key,
        "scope": "individual",
        "stage": "early_help",
    }
    for number, juror in enumerate(jurors):
        steps = gift(scene, juror, clerk, 60, **about, kind="jury", knowledge="lived")
        yield scene.deed(number, *steps)
    steps = gift(scene, clerk, jurors[0], 90, **about, kind="mediation", knowledge="professional")
    yield scene.deed(JURY, *steps)
    steps = gift(scene, parent, clerk, 45, **about, kind="family", knowledge="lived")
    yield scene.deed(JURY + 1, *steps)
    if scene.random.random() < 0.4:
        yield scene.deed(JURY + 2, *feedback(scene, heard, clerk))


def _court_preparation(people: Cast, scene: Scene) -> Iterator[Deed]:
    heard, (clerk, other) = scene.one(people.users), scene.several(people.staff, 2)
    about = {"phase": "deliver", "kind": "preparation", "receivers": [heard]}
    yield scene.deed(0, *gift(scene, clerk, other, 50, **about, stage="early_help"))


def _rules_meeting(people: Cast, scene: Scene) -> Iterator[Deed]:
    jurors, clerks = scene.several(people.users[:FIRST_JURORS], 4), scene.several(people.staff, 2)
    yield from _workshop(scene, [*jurors, *clerks, scene.one(people.family)], 60)


def _court_decision(_: Cast, scene: Scene) -> Iterator[Deed]:
    votes = {"user": scene.random.randint(7, 10), "professional": 3, "family_social": 2}
    yield scene.deed(0, *decision(scene, "operational", votes))


def _workshop(scene: Scene, present: list[str], minutes: int) -> Iterator[Deed]:
    about = {"phase": "design", "scope": "service", "episode_local_id": scene.key}
    for number, person in enumerate(present):
        witness = present[number - 1]
        yield scene.deed(number, *gift(scene, person, witness, minutes, **about))


# ---- meals on wheels: volunteers give, and never receive ----


def _round(people: Cast, scene: Scene) -> Iterator[Deed]:
    served = scene.several(people.users, 4)
    about = {"phase": "deliver", "kind": "care", "receivers": served, "scope": "individual"}
    yield scene.deed(0, *gift(scene, scene.one(people.family), served[0], 60, **about))


def _kitchen(people: Cast, scene: Scene) -> Iterator[Deed]:
    cook, other = scene.several(people.staff, 2)
    about = {"phase": "deliver", "kind": "cooking", "receivers": scene.several(people.users, 6)}
    yield scene.deed(0, *gift(scene, cook, other, 90, **about))


def _training(people: Cast, scene: Scene) -> Iterator[Deed]:
    trained = scene.several(people.family, 5)
    about = {"phase": "deliver", "kind": "train", "receivers": trained}
    yield scene.deed(0, *gift(scene, scene.one(people.staff), trained[0], 90, **about))


def _staff_planning(people: Cast, scene: Scene) -> Iterator[Deed]:
    planner, other = scene.several(people.staff, 2)
    yield scene.deed(0, *gift(scene, planner, other, 60, phase="commission", scope="service"))


# ---- home visits: neighbours give and receive, and are not asked about the plan ----


def _visit(people: Cast, scene: Scene) -> Iterator[Deed]:
    visited = scene.one(people.users)
    about = {"phase": "deliver", "kind": "care", "receivers": [visited], "stage": "prevention"}
    yield scene.deed(0, *gift(scene, scene.one(people.family), visited, 45, **about))


def _favour(people: Cast, scene: Scene) -> Iterator[Deed]:
    neighbour = scene.one(people.family)
    about = {"phase": "deliver", "kind": "neighbourhood", "receivers": [neighbour]}
    yield scene.deed(0, *gift(scene, scene.one(people.users), neighbour, 30, **about))


def _nurse(people: Cast, scene: Scene) -> Iterator[Deed]:
    visited = scene.one(people.users)
    about = {"phase": "deliver", "kind": "nursing", "receivers": [visited]}
    yield scene.deed(0, *gift(scene, scene.one(people.staff), visited, 40, **about))


# ---- the street-repair desk: residents report, staff fix ----


def _report(people: Cast, scene: Scene) -> Iterator[Deed]:
    about = {"phase": "assess", "kind": "report", "episode_local_id": scene.key}
    channel = scene.random.choices(("online", "phone"), (3, 1))[0]
    resident, clerk = scene.one(people.users), scene.one(people.staff)
    yield scene.deed(0, *gift(scene, resident, clerk, 5, **about, channel=channel))


def _street_repair(people: Cast, scene: Scene) -> Iterator[Deed]:
    worker, other = scene.several(people.staff, 2)
    about = {"phase": "deliver", "kind": "street_repair", "receivers": [scene.one(people.users)]}
    yield scene.deed(0, *gift(scene, worker, other, 90, **about))


# ---- the library: designed with its readers, run by its staff ----


def _readers_workshop(people: Cast, scene: Scene) -> Iterator[Deed]:
    readers = [*scene.several(people.users, 4), scene.one(people.family)]
    yield from _workshop(scene, [*readers, *scene.several(people.staff, 2)], 75)


def _desk(people: Cast, scene: Scene) -> Iterator[Deed]:
    librarian, other = scene.several(people.staff, 2)
    about = {"phase": "deliver", "kind": "lending", "receivers": scene.several(people.users, 3)}
    yield scene.deed(0, *gift(scene, librarian, other, 120, **about))


# ---- the participatory budget: residents decide ----


def _assembly(people: Cast, scene: Scene) -> Iterator[Deed]:
    present = [*scene.several(people.users, 7), scene.one(people.family), scene.one(people.staff)]
    about = {"phase": "commission", "kind": "civic", "scope": "system"}
    for number, person in enumerate(present):
        yield scene.deed(number, *gift(scene, person, present[number - 1], 40, **about))


def _envelope(_: Cast, scene: Scene) -> Iterator[Deed]:
    votes = {
        "user": scene.random.randint(30, 45),
        "family_social": scene.random.randint(5, 10),
        "professional": 2,
    }
    amount = scene.random.randint(20, 90) * 100_000
    yield scene.deed(0, *decision(scene, "budget", votes, amount))


# ---- the time bank: neighbours among themselves ----


def _trade(people: Cast, scene: Scene) -> Iterator[Deed]:
    giver, receiver = scene.several([*people.users, *people.family], 2)
    kind = scene.random.choice(("gardening", "lessons", "cooking", "care", "errands"))
    about = {"phase": "deliver", "kind": kind, "receivers": [receiver], "scope": "individual"}
    yield scene.deed(0, *gift(scene, giver, receiver, scene.random.choice((30, 60, 90)), **about))


def _members_meeting(people: Cast, scene: Scene) -> Iterator[Deed]:
    yield from _workshop(scene, scene.several([*people.users, *people.family], 6), 60)


# ---- the consultation: people are asked ----


def _opening(_: Cast, scene: Scene) -> Iterator[Deed]:
    yield scene.deed(0, *consultation(scene, "Which streets should be quiet?"))


def _answers(people: Cast, scene: Scene) -> Iterator[Deed]:
    clerk = scene.one(people.staff)
    for number, person in enumerate(scene.several(people.users, 3)):
        yield scene.deed(number, *opinion(scene, person, clerk))


# ---- the repair café ----


def _repair(people: Cast, scene: Scene) -> Iterator[Deed]:
    visitor = scene.one(people.users)
    about = {"phase": "deliver", "kind": "repair", "receivers": [visitor], "scope": "individual"}
    yield scene.deed(0, *gift(scene, scene.one(people.family), visitor, 45, **about))


STORIES = (
    Story(
        "youth-court",
        "Tribunal des jeunes · Youth court",
        "Young people who stood before the court sit on its juries",
        "co_production",
        cast("youth-court", staff=6, users=70, family=10),
        (
            ActKind("first-hearing", 7, _first_hearings, first_days=10),
            ActKind("hearing", 4, _hearing),
            ActKind("preparation", 3, _court_preparation),
            ActKind("rules", 1, _rules_meeting),
            ActKind("decision", 0.4, _court_decision),
        ),
    ),
    Story(
        "meals-on-wheels",
        "Repas à domicile · Meals on wheels",
        "Volunteers bring meals to people who cannot cook",
        "volunteering",
        cast("meals-on-wheels", staff=4, users=30, family=12),
        (
            ActKind("round", 9, _round),
            ActKind("kitchen", 5, _kitchen),
            ActKind("training", 0.5, _training),
            ActKind("planning", 0.5, _staff_planning),
        ),
    ),
    Story(
        "home-visits",
        "Visites de voisinage · Home visits",
        "Neighbours and older people visit each other, with nurses",
        "co_delivery",
        cast("home-visits", staff=4, users=18, family=16),
        (
            ActKind("visit", 9, _visit),
            ActKind("favour", 6, _favour),
            ActKind("nurse", 6, _nurse),
            ActKind("planning", 1, _staff_planning),
        ),
    ),
    Story(
        "street-repair",
        "Voirie · Street repair desk",
        "Residents report what is broken, staff repair it",
        "conventional",
        cast("street-repair", staff=6, users=40),
        (ActKind("report", 11, _report), ActKind("repair", 8, _street_repair)),
    ),
    Story(
        "library",
        "Médiathèque · Library",
        "Designed with its readers, run by its staff",
        "co_design",
        cast("library", staff=5, users=18, family=6),
        (ActKind("workshop", 1.5, _readers_workshop), ActKind("desk", 9, _desk)),
    ),
    Story(
        "participatory-budget",
        "Budget participatif · Participatory budget",
        "Residents decide what part of the town's budget is spent on",
        "co_design",
        cast("participatory-budget", staff=3, users=60, family=10),
        (ActKind("assembly", 1.2, _assembly), ActKind("vote", 0.4, _envelope)),
        flags=frozenset({"co_commission", "delivery_unobserved"}),
    ),
    Story(
        "time-bank",
        "Accorderie · Time bank",
        "Members give each other hours; every hour is worth the same",
        "mutual_aid",
        cast("time-bank", users=20, family=12),
        (ActKind("trade", 14, _trade), ActKind("meeting", 0.4, _members_meeting)),
    ),
    Story(
        "quiet-streets",
        "Concertation rues apaisées · Quiet streets consultation",
        "Residents are asked what they think of a plan",
        "consultation",
        cast("quiet-streets", staff=3, users=80),
        (ActKind("opening", 7, _opening, first_days=1), ActKind("answers", 5, _answers)),
    ),
    Story(
        "repair-cafe",
        "Café de réparation · Repair café",
        "Volunteers repair what visitors bring; it opened a week ago",
        "insufficient_evidence",
        cast("repair-cafe", users=20, family=7),
        (ActKind("repair", 24, _repair),),
        young=True,
    ),
)
