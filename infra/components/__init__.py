"""The five parts of the highway, a substrate a folder, the same file names in each."""
