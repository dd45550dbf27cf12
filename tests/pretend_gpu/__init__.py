"""A pretended CUDA device for a torch without CUDA: tensors on it have shapes, dtypes and a device, and no numbers."""
