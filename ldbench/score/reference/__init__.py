"""Statistics of real images in a file, which stand in the place of the images where these cannot be given away."""
