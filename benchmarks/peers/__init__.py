"""Peers: the same small work as ours does it, on what a user would pick instead.

Three pieces of state an event: (service, day) count and minutes; (service, party pair) minutes; the
exact set of a service's givers. Each peer answers with the same digest of its state, or does not
count.
"""
