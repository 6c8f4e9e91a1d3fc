"""The pipelines that drive on the highway, and the program that declares them."""
