"""The model as ONNX: histogram gradient boosting with its categories and missing values, as one tree ensemble.

Converters know neither native categories nor where a missing value goes, so the trees are written here, node by
node, as the operator `TreeEnsemble` of the domain `ai.onnx.ml`.

Whoever calls the graph gives the index of a category's value in the list that the encoder was made with, NaN for
one that is not in it, and NaN for a missing number. Thresholds are rounded to float32 as the inputs are; rounding
keeps order, so a value is only on another side than in scikit-learn when it is within one part in 10 million of a
threshold without being equal to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, checker, helper, numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier

from infra.contracts.errors import HighwayError

INPUT, OUTPUT = "features", "probability"
_SCORE = "score"
# The oldest that have TreeEnsemble: any later runtime reads them, and a newer onnx writes the same bytes.
ML_OPSET, OPSET, IR_VERSION = 5, 21, 10
# Of the operator's description: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
_LEQ, _MEMBER, _SUM = 0, 6, 1
_BITS = 32


class ExportError(HighwayError):
    """The learner is nothing that the graph can say."""


@dataclass(frozen=True)
class _Categories:
    """Of one feature: the caller's code of each category that the trees count, and the codes they never saw."""

    codes: Sequence[int]
    unseen: Sequence[int]

    def members(self, bits: npt.NDArray[np.uint32], missing_is_true: bool) -> list[float]:
        """The codes that go to the true branch: bit i of `bits` is the trees' category i; an unseen one is missing."""
        chosen = [code for i, code in enumerate(self.codes) if int(bits[i // _BITS]) >> (i % _BITS) & 1]
        return [float(code) for code in (*chosen, *(self.unseen if missing_is_true else ()))]


@dataclass
class _Ensemble:
    """The attributes of the operator; position i of every `nodes_*` list is one node, as with leaves."""

    modes: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    branches: dict[bool, list[int]] = field(default_factory=lambda: {True: [], False: []})
    are_leaves: dict[bool, list[int]] = field(default_factory=lambda: {True: [], False: []})
    members: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)

    def add_node(self, mode: int, feature: int, split: float, missing_is_true: bool) -> int:
        self.modes.append(mode)
        self.features.append(feature)
        self.splits.append(split)
        self.missing.append(int(missing_is_true))
        for side in (True, False):
            self.branches[side].append(-1)
            self.are_leaves[side].append(0)
        return len(self.modes) - 1

    def add_leaf(self, weight: float) -> int:
        self.weights.append(weight)
        return len(self.weights) - 1

    def link(self, node: int, side: bool, target: int, is_leaf: bool) -> None:
        self.branches[side][node] = target
        self.are_leaves[side][node] = int(is_leaf)


class _Writer:
    """Turns scikit-learn's trees into the operator's. `order[i]` is the graph's column of the trees' feature i."""

    def __init__(self, order: Sequence[int], categories: Sequence[_Categories]) -> None:
        self.ensemble = _Ensemble()
        self._order = order
        self._categories = categories

    def add(self, tree: Any, start: float) -> None:
        ensemble, nodes = self.ensemble, tree.nodes
        if nodes[0]["is_leaf"]:
            # The operator has no tree without a node: both branches lead to the one leaf.
            leaf = ensemble.add_leaf(start + float(nodes[0]["value"]))
            root = ensemble.add_node(_LEQ, 0, 0.0, missing_is_true=False)
            for side in (True, False):
                ensemble.link(root, side, leaf, is_leaf=True)
            ensemble.roots.append(root)
            return
        places = [
            ensemble.add_leaf(start + float(node["value"])) if node["is_leaf"] else self._branch(tree, node)
            for node in nodes
        ]
        ensemble.roots.append(places[0])
        for place, node in zip(places, nodes, strict=True):
            if not node["is_leaf"]:
                for side, child in ((True, int(node["left"])), (False, int(node["right"]))):
                    ensemble.link(place, side, places[child], is_leaf=bool(nodes[child]["is_leaf"]))

    def _branch(self, tree: Any, node: Any) -> int:
        feature, missing_is_true = int(node["feature_idx"]), bool(node["missing_go_to_left"])
        column = self._order[feature]
        if not node["is_categorical"]:
            return self.ensemble.add_node(_LEQ, column, float(np.float32(node["num_threshold"])), missing_is_true)
        bits = tree.raw_left_cat_bitsets[node["bitset_idx"]]
        self.ensemble.members += [*self._categories[feature].members(bits, missing_is_true), np.nan]
        return self.ensemble.add_node(_MEMBER, column, 0.0, missing_is_true)


def to_onnx(
    learner: Any, columns: Sequence[str], features: Sequence[str], categorical: Mapping[str, Sequence[object]]
) -> bytes:
    """`learner` is a fitted `HistGradientBoostingClassifier` of two classes. `columns` are the names of what it takes,
    in its order; `features` those of the graph's input; `categorical` holds the values that the encoder before it has
    codes for (NaN is the code of all others). The same learner gives the same bytes. Raises `ExportError`."""
    if not isinstance(learner, HistGradientBoostingClassifier) or learner.n_trees_per_iteration_ != 1:
        raise ExportError(f"{learner!r} cannot be exported: use HistGradientBoostingClassifier, with two classes")
    if sorted(columns) != sorted(features):
        raise ExportError(f"the learner takes {sorted(columns)}, the graph {sorted(features)}: they must be the same")
    positions = _positions(learner)
    categories = [
        _Categories(codes, [code for code in range(len(categorical[columns[position]])) if code not in codes])
        for position, codes in zip(positions, _codes(learner), strict=False)
    ]
    writer = _Writer([features.index(columns[position]) for position in positions], categories)
    # What every score starts from goes into the first tree: one of its leaves is in every sum.
    start = float(np.ravel(learner._baseline_prediction)[0])
    for (tree,) in learner._predictors:
        writer.add(tree, start)
        start = 0.0
    return _model(writer.ensemble, len(features))


def _positions(boosting: HistGradientBoostingClassifier) -> list[int]:
    """Of the learner's input columns, in the order in which its trees count them: categories come first."""
    categorical = boosting.is_categorical_
    if categorical is None:
        return list(range(boosting.n_features_in_))
    return [*np.flatnonzero(categorical).tolist(), *np.flatnonzero(~categorical).tolist()]


def _codes(boosting: HistGradientBoostingClassifier) -> Iterator[list[int]]:
    """For each categorical feature of the trees: the caller's codes, in the order in which the trees count them."""
    if boosting._preprocessor is not None:
        for codes in boosting._preprocessor.named_transformers_["encoder"].categories_:
            yield [int(code) for code in codes if not np.isnan(code)]


def _model(ensemble: _Ensemble, width: int) -> bytes:
    def floats(values: Sequence[float]) -> Any:
        return numpy_helper.from_array(np.asarray(values, dtype=np.float32))

    node = helper.make_node(
        "TreeEnsemble",
        [INPUT],
        [_SCORE],
        domain="ai.onnx.ml",
        aggregate_function=_SUM,
        n_targets=1,
        tree_roots=ensemble.roots,
        nodes_modes=numpy_helper.from_array(np.asarray(ensemble.modes, dtype=np.uint8)),
        nodes_featureids=ensemble.features,
        nodes_splits=floats(ensemble.splits),
        nodes_missing_value_tracks_true=ensemble.missing,
        nodes_truenodeids=ensemble.branches[True],
        nodes_trueleafs=ensemble.are_leaves[True],
        nodes_falsenodeids=ensemble.branches[False],
        nodes_falseleafs=ensemble.are_leaves[False],
        leaf_targetids=[0] * len(ensemble.weights),
        leaf_weights=floats(ensemble.weights),
        **({"membership_values": floats(ensemble.members)} if ensemble.members else {}),
    )
    graph = helper.make_graph(
        # A node of its own: onnxruntime 1.32 leaves the operator's own post_transform out when there is one target.
        [node, helper.make_node("Sigmoid", [_SCORE], [OUTPUT])],
        "boosting",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["rows", width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["rows", 1])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="highway")
    checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
