"""From features to a registered model that was judged and let through; a step a file, beside its parts."""
