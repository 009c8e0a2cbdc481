"""Names for the town's people: private details that stay in registry's own database."""

from random import Random

FIRST_NAMES = (
    "Adèle", "Amina", "Andrew", "Anouk", "Basile", "Bruno", "Camille", "Carys", "Chloé", "Daniel",
    "Dewi", "Élise", "Emma", "Farid", "Gareth", "Grace", "Hugo", "Inès", "Jeanne", "Julien",
    "Karim", "Lena", "Louis", "Lucie", "Malik", "Megan", "Nadia", "Noah", "Olive", "Oscar",
    "Paul", "Rhys", "Rose", "Sacha", "Salma", "Simon", "Thomas", "Victor", "Yasmin", "Zoé",
)  # fmt: skip
LAST_NAMES = (
    "Adams", "Barbier", "Bello", "Bernard", "Bowen", "Carpentier", "Chevalier", "Clarke", "Colin",
    "Davies", "Diallo", "Dubois", "Evans", "Fontaine", "Garnier", "Gauthier", "Hughes", "Jones",
    "Lambert", "Leroy", "Marchand", "Martin", "Morgan", "Moreau", "Ndiaye", "Noël", "Parker",
    "Perrin", "Picard", "Pritchard", "Renard", "Roberts", "Roux", "Saidi", "Taylor", "Thomas",
)  # fmt: skip


def name_of(person: str) -> str:
    """Return the name of somebody, always the same."""
    random = Random(person)  # noqa: S311 - a story, not a secret
    return f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
