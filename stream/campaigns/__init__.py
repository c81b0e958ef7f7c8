"""The view across accounts: indicators link them, and connected accounts are scored as clusters.

``links`` stores which account used which indicator; ``graph`` finds what that shows;
``population`` is what a cluster is compared with; ``scoring`` scores a cluster. ``clusters`` has
the cluster detector, which puts these together.
"""
