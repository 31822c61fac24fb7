"""Forgetting an identifier whole: the graph becomes what it would be without any evidence that names it.

Unlike an operator's release this is no decision about people and is not published as one: it takes away, also what was
decided, and leaves no record of the identifier.
"""

from processors.identity.component import Component
from processors.identity.graph import Graph
from processors.identity.grouping import Node
from schemas.identifier import is_weak


def forget(graph: Graph, identifier: Node) -> None:
    """Take everything about an identifier out of the graph. Of what is not known there is nothing to take.

    Pairs that others keep apart because the identifier is shared by too many people stay with them.
    """
    if is_weak(identifier[0]):
        device = graph.store.device(identifier)
        if not device.blank or device.slices:
            graph.touched.erased += [(identifier, cut.start) for cut in device.slices]
            device.forget()
            graph.touched.device(identifier)
        return
    component = graph.store.find(identifier)
    if component is None:
        return
    graph.touch(identifier)
    member = component.members[identifier]
    for weak in graph.store.weak_of(identifier, member):
        graph.store.device(weak).forget_user(identifier)
        graph.touched.device(weak)
    _forget_pairs(graph, component, identifier)
    if component.rare is not None:
        _forget_exceptions(graph, component, identifier)
    del component.members[identifier]
    component.grouping = None
    graph.store.forget(identifier, member)
    graph.touched.erased.append((identifier, None))
    if component.members:
        graph.fall_to_pieces(component)


def _forget_pairs(graph: Graph, component: Component, identifier: Node) -> None:
    for pair in [pair for pair in component.pairs if identifier in pair]:
        del component.pairs[pair]
        counter = graph.counted_by(pair)
        if counter is not None and counter != identifier:
            component.members[counter].neighbours -= 1


def _forget_exceptions(graph: Graph, component: Component, identifier: Node) -> None:
    rare = component.exceptions()
    for holder, pair in [key for key in rare.apart if identifier in key[1]]:
        del rare.apart[holder, pair]
        if holder != identifier and graph.counted_by(pair) == holder:
            component.members[holder].neighbours -= 1
    for pair in [pair for pair in (*rare.rulings, *rare.spellings) if identifier in pair]:
        for each in pair:
            kept_by = graph.store.find(each)
            if kept_by is not None and kept_by.rare is not None:
                graph.touched.component(kept_by)
                kept_by.grouping = None
                kept_by.rare.rulings.pop(pair, None)
                kept_by.rare.spellings.pop(pair, None)
