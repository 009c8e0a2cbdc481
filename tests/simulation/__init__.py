"""A deployment in one thread: production protocols, a clock of our own, and every bad luck."""
