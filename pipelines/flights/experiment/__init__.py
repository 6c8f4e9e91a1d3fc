"""A search for better settings of the learner: a pipeline that plans trials, runs each as a job, and compares them.

    conf.py      what is tried (pipelines/confs/experiment.yaml)
    pipeline.py  the pipeline as a value
    plan.py      writes a folder for each trial
    trial.py     one trial: trains without the last training month, and scores on it
    report.py    compares, and tells MLflow of each trial

The held-out month judges the model that is released. Whoever also chose the settings by it would judge a choice by
what it was chosen for, so trials are judged by the last month of the training window.
"""
