"""The pretrained backbone: where it is found, and how its folder is read. `tiny-sd/` is the one that ships."""
