"""What one parameter does to a generator: search by distance, ablation, the paper's Figs. 2 and 3."""
