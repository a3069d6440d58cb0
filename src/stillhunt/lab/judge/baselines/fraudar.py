"""FRAUDAR: the densest block of accounts and shared values, where common values weigh little.

Accounts and the addresses and templates that they use are a bipartite graph; an edge to a value
of d accounts weighs 1 / ln(d + 5), so that honest cover through popular values cannot hide a
block. Greedy peeling removes the least connected node again and again; the best average weight
on the way is the block, and its edges are removed before the next is looked for.
Source: Hooi et al., FRAUDAR: bounding graph fraud in the face of camouflage (KDD 2016).
"""

import heapq
from dataclasses import dataclass

import numpy as np

from stillhunt.lab.judge.exchanges import Exchanges
from stillhunt.lab.judge.metrics import Flags, Floats, Ints
from stillhunt.lab.judge.shared import Shared, shared
from stillhunt.sketch.kernels.compiled import cached

__all__ = ["Fraudar"]


@dataclass(frozen=True)
class Fraudar:
    """Score an account by the densest block that it belongs to."""

    title = "FRAUDAR"
    blocks: int = 5
    """Blocks looked for, one after the other."""

    def scores(self, exchanges: Exchanges, is_honest: Flags) -> Floats:
        """Return the density of its block; of the rest, what was left while it was there."""
        del is_honest
        return densities(shared(exchanges), exchanges.accounts, self.blocks)


def densities(pairs: Shared, accounts: int, blocks: int) -> Floats:
    """Return the density of the best block of each account, minus infinity without an edge.

    Args:
        pairs: Accounts and their values.
        accounts: How many accounts there are.
        blocks: How many blocks to take out, one after the other.
    """
    weights = 1.0 / np.log(pairs.users + 5.0)
    alive = np.ones(len(pairs.account), dtype=np.bool_)
    best = np.full(accounts, -np.inf)
    for step in range(blocks + 1):
        edges = np.flatnonzero(alive)
        if not len(edges):
            break
        account, value = pairs.account[edges], pairs.value[edges] + accounts
        order, density = _peeled(account, value, weights[pairs.value[edges]],
                                 accounts + len(weights))  # fmt: skip
        first = int(np.argmax(density)) if step < blocks else 0
        reached = np.maximum.accumulate(density)[first:]  # of the rest: how near it came to one
        block = order[first:]
        mine = block < accounts
        best[block[mine]] = np.maximum(best[block[mine]], reached[mine])
        inside = np.zeros(accounts + len(weights), dtype=np.bool_)
        inside[block] = True
        alive[edges[inside[account] & inside[value]]] = False
    return best


def _peeled(left: Ints, right: Ints, weight: Floats, nodes: int) -> tuple[Ints, Floats]:
    """Return the nodes in the order of their removal, and the density just before each.

    Nodes without an edge are left out.
    """
    ends, other = np.concatenate([left, right]), np.concatenate([right, left])
    order = np.argsort(ends, kind="stable")
    first = np.searchsorted(ends[order], np.arange(nodes + 1))
    return _peel(first, other[order], np.concatenate([weight, weight])[order])


@cached
def _peel(first: Ints, other: Ints, weight: Floats) -> tuple[Ints, Floats]:
    nodes = len(first) - 1
    degree = np.zeros(nodes)
    heap = [(0.0, 0) for _ in range(0)]
    for node in range(nodes):
        for edge in range(first[node], first[node + 1]):
            degree[node] += weight[edge]
        if first[node + 1] > first[node]:
            heap.append((degree[node], node))
    heapq.heapify(heap)
    left, total = len(heap), degree.sum() / 2
    gone = np.zeros(nodes, np.bool_)
    order, density = np.empty(left, np.int64), np.empty(left)
    at = 0
    while left:
        worth, node = heapq.heappop(heap)
        if gone[node] or worth != degree[node]:
            continue  # an older entry of the same node
        order[at], density[at] = node, total / left
        gone[node] = True
        total -= degree[node]
        left -= 1
        at += 1
        for edge in range(first[node], first[node + 1]):
            neighbour = other[edge]
            if not gone[neighbour]:
                degree[neighbour] -= weight[edge]
                heapq.heappush(heap, (degree[neighbour], neighbour))
    return order, density
