"""The sandbox: small data on real anatomy whose counterfactuals are known, and estimators that read them.

The suite meets it by entry points, as any third party's data set.
"""
