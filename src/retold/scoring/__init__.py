"""Scoring: one submission against gold, several ranked, two compared, two annotators' agreement.

``count`` reads the files once and leaves counts, ``evaluate`` makes every number from the counts.
"""
