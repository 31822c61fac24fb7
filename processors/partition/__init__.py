"""The protocol of one partition: a pure function from a batch of records to what must be sent and stored.

Start with `fold.Partition`. Beneath it each file owns one level, and each level owns one kind of state:

* `seeds`: an event's seed; its fragments, one for each slice of time, and who owns them;
* `orders`: an order; its state, and whose it is;
* `profiles`: a profile; which fragments it is made of, its memberships, its timers.

Levels talk only through `messages`, whether the receiver lives in this partition or in another one, and each state has
one home: only the unit of its key's partition changes it.
"""
