"""Turns the feature of a notebook into a test of the features step: real rows, and what the function gave for them.

    python -m pipelines.feature_tests NOTEBOOK [--replace]        (or `highway feature NOTEBOOK`)

The function is in the cell with the tag `feature`. It takes a frame with the columns of the features and gives one
value a row, and is held to that: other rows, their order and a second call may change nothing.
"""
