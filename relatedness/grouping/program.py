"""The best choice of networks as an integer program, solved exactly (``scipy.optimize.milp``, which is HiGHS).

Every task is *served* by one network: the one that is used for it afterwards. A column of the program is a pair
(serves, trained). The columns chosen serve every task once, so the program has one row a task and one or two for the
budget, whatever the number of groups. In a partition a network serves all that it is trained on. In a cover it may
serve fewer, the others being its helpers; of the columns with the same ``serves`` only those are kept that no other
beats in value and cost, which leaves a few thousand of the 527,345 pairs that 12 tasks have.

The linear program comes first. Its dual prices say by how much a choice with a given column falls short of the bound
at least (the column's reduced cost). Once some choice is known, columns that fall short by more than it does cannot be
part of a better one; usually fewer than a hundred remain.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import LinearConstraint, OptimizeResult, linprog, milp
from scipy.sparse import csr_array

from configs.errors import UserError
from relatedness.grouping.groups import Budget, Groups, Network, members

MOST_COLUMNS = 2_000_000
SCALE = 1e4
"""Values are brought to this size: to HiGHS two choices within 1e-6 of each other are equally good."""
THRIFT = 1e-5
"""What a backbone costs on that scale, so that of equally good choices the cheapest is found."""
SLACK = 1e-3
"""What rounding may do to a bound on that scale."""
FIRST_COLUMNS = 300


@dataclass(frozen=True)
class Columns:
    """Networks to choose from, [J] each.

    Attributes:
        row: which of the groups the network is trained on.
        serves: set of tasks that it is used for.
        cost: of the network.
        value: sum of its values for the tasks that it serves.
    """

    row: np.ndarray
    serves: np.ndarray
    cost: np.ndarray
    value: np.ndarray

    def take(self, which: np.ndarray) -> "Columns":
        """Some of the columns."""
        return Columns(self.row[which], self.serves[which], self.cost[which], self.value[which])


@dataclass(frozen=True)
class Rows:
    """The linear constraints: exactly ``once`` for every task, at most ``limits`` of everything else.

    Attributes:
        once: [J, T], whether a column serves a task.
        most: [J, L].
        limits: [L].
    """

    once: np.ndarray
    most: np.ndarray
    limits: np.ndarray


class Program:
    """The choice among groups under a budget; whatever does not depend on their values is worked out once.

    Args:
        cover: whether a network may be trained on tasks that it does not serve.

    Raises:
        UserError: there are too many ways to choose from.
    """

    def __init__(self, groups: Groups, budget: Budget, cover: bool) -> None:
        self.groups, self.budget, self.cover = groups, budget, cover
        self.tasks = groups.member.shape[1]
        self.size = int((2**groups.sizes - 1).sum()) if cover else len(groups.sets)
        if self.size > MOST_COLUMNS:
            raise UserError(
                f"--cover: {len(groups.sets):,} groups can serve {self.size:,} sets of tasks, more than the "
                f"{MOST_COLUMNS:,} that can be compared; give a smaller --max_size"
            )
        row, serves = _parts(groups, cover)
        cost = (budget.backbone + groups.member @ budget.heads)[row]
        # Within each set that is served the cheap columns come first, of equally dear ones the small groups.
        order = np.lexsort((row, cost, serves))
        self.columns = Columns(row[order], serves[order], cost[order], np.zeros(len(row)))

    def best(self, values: np.ndarray) -> list[Network] | None:
        """The networks with the highest sum of values within the budget; of equally good ones the cheapest.

        Args:
            values: [G, T], what a group is worth to a member; NaN where the task is no member or nothing is known.

        Returns:
            sorted; None if no choice within the budget serves every task.
        """
        return self._solve(self._valued(values), [])

    def next_best(self, values: np.ndarray, best: Sequence[Network]) -> list[Network] | None:
        """The best choice in which another network serves at least one of the tasks."""
        columns = [self._valued(values)]
        for serves, trained in best if self.cover else ():
            # A column that none but one of the best choice beats can be part of the next best one. As that serves some
            # task elsewhere, it is made of the columns that are left when this network serves that task no more.
            barred = values.copy()
            barred[np.ix_(self.groups.sets == trained, members(np.array([serves]), self.tasks)[0])] = np.nan
            columns.append(self._valued(barred))
        parts = zip(*((c.row, c.serves, c.cost, c.value) for c in columns), strict=True)
        joined = Columns(*(np.concatenate(part) for part in parts))
        _, once = np.unique(np.stack([joined.serves, joined.row]), axis=1, return_index=True)
        return self._solve(joined.take(once), [best])

    def _valued(self, values: np.ndarray) -> Columns:
        """The columns with their values, without those of unknown value and those that another one beats."""
        row, serves, cost = self.columns.row, self.columns.serves, self.columns.cost
        value = np.zeros(len(row))
        for task in range(self.tasks):
            value += np.where(serves >> task & 1, values[row, task], 0.0)
        known = np.flatnonzero(~np.isnan(value))
        return _unbeaten(Columns(row, serves, cost, value).take(known))

    def _solve(self, columns: Columns, excluded: list[Sequence[Network]]) -> list[Network] | None:
        """The best choice of columns that is none of the excluded ones."""
        scale = SCALE / max(np.abs(columns.value).max(initial=0.0), 1e-300)
        loss = THRIFT * columns.cost / self.budget.backbone - scale * columns.value
        while True:
            chosen = _optimum(loss, self._rows(columns, excluded))
            if chosen is None:
                return None
            networks = self._networks(columns, chosen)
            if self.budget.cost(networks) <= self.budget.limit:
                return networks
            excluded = [*excluded, networks]  # above the budget, by less than HiGHS sees

    def _rows(self, columns: Columns, excluded: Sequence[Sequence[Network]]) -> Rows:
        once = members(columns.serves, self.tasks).astype(float)
        most, limits = [np.ones(len(once))], [float(self.budget.most_networks)]
        helpers = (columns.cost - once @ self.budget.heads) / self.budget.backbone  # 1 + those of the helpers' heads
        if len(helpers) and np.ptp(helpers) > 0:
            most.append(helpers)
            limits.append((self.budget.limit - self.budget.heads.sum()) / self.budget.backbone)
        for networks in excluded:
            # In how many tasks a column agrees with the excluded choice; agreeing in all of them is that choice.
            agrees = np.zeros(len(once))
            for serves, trained in networks:
                same = self.groups.sets[columns.row] == trained
                agrees[same] += once[same] @ members(np.array([serves]), self.tasks)[0].astype(float)
            most.append(agrees)
            limits.append(self.tasks - 1.0)
        return Rows(once, np.array(most).T, np.array(limits))

    def _networks(self, columns: Columns, chosen: np.ndarray) -> list[Network]:
        """The networks of these columns; one that two columns share serves what both serve."""
        serves: dict[int, int] = {}
        for column in chosen:
            trained = int(self.groups.sets[columns.row[column]])
            serves[trained] = serves.get(trained, 0) | int(columns.serves[column])
        return sorted((served, trained) for trained, served in serves.items())


def _parts(groups: Groups, proper: bool) -> tuple[np.ndarray, np.ndarray]:
    """Every group, and if asked for every part of it, as (index of the group, the part), [J] each."""
    rows, parts = [], []
    for size in np.unique(groups.sizes).tolist():
        of_size = np.flatnonzero(groups.sizes == size)
        bits = 1 << np.nonzero(groups.member[of_size])[1].reshape(len(of_size), size)
        pattern = members(np.arange(1 if proper else 2**size - 1, 2**size), size).astype(np.int64)  # [P, size]
        rows.append(np.repeat(of_size, len(pattern)))
        parts.append((bits @ pattern.T).flatten())
    return np.concatenate(rows), np.concatenate(parts)


def _unbeaten(columns: Columns) -> Columns:
    """Of columns that serve the same, those that no cheaper one and no equally dear one is as good as.

    Args:
        columns: sorted by what they serve, then by cost.
    """
    new = np.append(True, columns.serves[1:] != columns.serves[:-1])[: len(columns.serves)]
    # Lifted from set to set by more than values differ, one running maximum serves all sets.
    lifted = columns.value + np.cumsum(new) * 4 * np.abs(columns.value).max(initial=0.0)
    highest = np.maximum.accumulate(lifted)
    better = columns.take(np.flatnonzero(new | np.append(True, lifted[1:] > highest[:-1])[: len(new)]))
    overtaken = (better.serves[1:] == better.serves[:-1]) & (better.cost[1:] == better.cost[:-1])
    return better.take(np.flatnonzero(~np.append(overtaken, False)[: len(better.cost)]))


def _optimum(loss: np.ndarray, rows: Rows) -> np.ndarray | None:
    """Where the columns of the choice with the least loss are; None if no choice meets the constraints."""
    bound = linprog(loss, A_ub=csr_array(rows.most.T), b_ub=rows.limits, A_eq=csr_array(rows.once.T),
                    b_eq=np.ones(rows.once.shape[1]))  # fmt: skip
    if bound.x is None:
        return None
    short = loss - rows.once @ bound.eqlin.marginals - rows.most @ bound.ineqlin.marginals
    order = np.argsort(short, kind="stable")
    count = min(FIRST_COLUMNS, len(order))
    while True:
        found = _integers(loss, rows, order[:count])
        if found.x is not None:
            needed = int((short <= found.fun - bound.fun + SLACK).sum())
        else:
            needed = min(10 * count, len(order)) if count < len(order) else 0
        if needed <= count:
            return None if found.x is None else np.sort(order[:count][found.x > 0.5])
        count = needed


def _integers(loss: np.ndarray, rows: Rows, which: np.ndarray) -> OptimizeResult:
    """The best choice among some of the columns."""
    constraints = [
        LinearConstraint(csr_array(rows.once[which].T), 1, 1),
        LinearConstraint(csr_array(rows.most[which].T), -np.inf, rows.limits),
    ]
    return milp(loss[which], constraints=constraints, integrality=np.ones(len(which)), options={"mip_rel_gap": 0})
