"""Honest kinds of customer that look worse than an attacker; one part in each file.

A part is an actor (``lab/crowd.py``) with a ``title`` and the fields ``count``, ``seed``,
``days``, ``start_us``, ``per_day`` (mean requests of an account and day) and ``brief``.
Which of them a population has, and how many, says ``lab/population.py``.
"""
