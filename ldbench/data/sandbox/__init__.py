"""The sandbox: two small frozen datasets whose counterfactuals are known, and the recipes that made them."""
