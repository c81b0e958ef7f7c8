"""The demo: simulated traffic with campaigns through a real worker, enforcer and approvals.

::

    player ──▶ gateway ──▶ gateway.requests ──▶ worker ──▶ alerts ──▶ proposals
                  │ what is decided about this account?                  │
                  └──────────── enforcer ◀── decisions ◀── approved ◀────┘

Only three parts are not the product's: the broker forgets, the gateway has no model behind it, and
the people who approve are a script that approves everything.
"""
