"""Rendering the sandbox's frozen data anew, and fitting the estimators that read them."""
