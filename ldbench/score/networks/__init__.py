"""The networks that turn images into features: one file each, and where their weights come from."""
