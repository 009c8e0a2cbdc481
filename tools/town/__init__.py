"""A town that is not real: nine public services, their people, and what happens among them."""
