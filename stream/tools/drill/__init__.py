"""The fire drill: a synthetic campaign in the live requests topic, to check that its alert comes.

With a response (:mod:`stream.tools.drill.drill_response`) it also checks that the alert becomes a
proposal and, once approved, a decision that enforcers have: a simulated one, about its own
accounts, undone at the end.

What is proven, end to end: brokers, intake, the stages and their topics, scoring, the alerts topic,
and each receiver up to its answer. What is not: that the gateway's own format is read (a drill's
records are canonical events; ``events_total`` and the dead letters show the others), and the
model of single accounts, which needs a day. The thresholds are those of any campaign, and it is
scored among the accounts of the live traffic: lower ones for drills would prove nothing.

**The drill signature.** A record's header ``distillwatch-drill`` is a keyed hash of its value by
``intake.salt`` (:mod:`stream.intake.fingerprint.drill_signature`). A customer of the gateway
chooses prompts, names and clients, but no headers of records, and does not have the key. In the
value the account ids begin
with a control character, with which intake refuses account ids. So

* with a right mark intake lets them through, and all later stages recognise them by the name:
  the layout of packets and state is as it was (:mod:`stream.core.drill`);
* without any, in an older version or in a replay of a dump, the record is refused like any other
  with such a name: no new rule by which a customer could get its own requests refused, unseen;
* with a wrong one it is a dead letter, ``bad_signature`` (:mod:`stream.pipeline.drill_decoder`).

**No effect on others.** Each stage keeps what it knows of a drill in a twin of its state, in memory
only, which is forgotten half an hour of event time after the last row
(drill_isolation.py, drill_incidents.py of :mod:`stream.pipeline`). Models, baselines, prevalence of
values, clusters, incidents and their metrics, and every durable row are what they would be without
the drill; a property test runs both. Nor does a drill move a clock: its records carry the time of
now, which for a gateway whose log comes late is ahead of the traffic, and would make that traffic
late. So a drill waits for the traffic's event time, and where no other request comes in it cannot
be found, which its report shows. A worker that restarts, or gives a task to another, forgets the
drill: run it again.

**Receivers.** The alert has ``"drill": true``, severity info; the topic has it always. A
receiver leaves it out unless its setting ``drills`` is ``deliver``, and commits its result with
the offset that it commits on the alerts topic: metadata ``<alert_id> skipped``, ``delivered``,
``rejected``. So the command learns it from Kafka alone (:mod:`stream.tools.drill.watch`).

**Bounds.** One request of each account every five seconds until the alert comes or ``--timeout`` is
over; with the defaults five requests a second, 4,320 in all.
"""
