"""What is known about a person, as folds that do not depend on order: pure functions on plain JSON values.

Start with `fragment.fold` (one event into what one seed knows), `merge.merge` (fragments into a person) and
`view.profile_view` (the public JSON). Orders are folded apart, by `orders.fold_order`, and join the person as
fragments of their own. Every other file holds one section of a fragment: how an event adds to it, how two of them
merge, what it shows.

Vocabulary of every file here: `t` is an event's time in ms since 1970; a *mark* is `[t, message_id, event_id]`, by
which the last of two writes is told; amounts are integers of 1/10,000 of the currency's unit until they are shown as
decimal text.
"""
